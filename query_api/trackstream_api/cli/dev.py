"""`trackstream dev`: the native stack, for machines without Docker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PARTS = ("kafka", "minio", "clickhouse")

_data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("trackstream-dev"),
    show_default=True,
    metavar="DIR",
    help="Directory of the stack's data, ports and credentials.",
)


_NEXT = """\
With these variables exported:
  trackstream topics create                       once
  trackstream consume all                         in a terminal of its own: projects what is logged
  trackstream server                              in another: answers at http://127.0.0.1:5000
  trackstream runs list --dir http://127.0.0.1:5000"""


@click.group()
def dev() -> None:
    """Kafka, MinIO and ClickHouse's protocol as plain processes.

    Kafka and MinIO are the real servers, installed into TRACKSTREAM_CACHE (~/.cache/trackstream) the
    first time; behind ClickHouse's protocol is chDB, not a ClickHouse server. Needs Java 17, Maven and Go.
    """


def _port_option(part: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{part}-port", type=click.IntRange(1, 65535), help=f"Port of {part}; a free one unless given."
    )


@dev.command()
@_data_option
@click.option(
    "--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Kafka brokers."
)
@click.option("--only", metavar="PART,…", help="Start only some of kafka, minio, clickhouse.")
@_port_option("kafka")
@_port_option("minio")
@_port_option("clickhouse")
def up(
    data: Path,
    brokers: str,
    only: str | None,
    kafka_port: int | None,
    minio_port: int | None,
    clickhouse_port: int | None,
) -> None:
    """Start what does not run and print the variables to export.

    Use it as: eval "$(trackstream dev up)". The parts run on when the command has returned.
    """
    from trackstream_api.native import stack

    parts = [part.strip() for part in only.split(",")] if only else list(_PARTS)
    given = {"kafka-1": kafka_port, "minio": minio_port, "clickhouse": clickhouse_port}
    ports = {part: port for part, port in given.items() if port is not None}
    started = stack.up(data, int(brokers), parts, ports, say=lambda line: click.echo(line, err=True))
    for found in started.status():
        click.echo(f"{found.part} at {found.address}, pid {found.pid}", err=True)
    for name, value in started.environment().items():
        click.echo(f"export {name}={value}")
    if not only:
        click.echo(_NEXT, err=True)


@dev.command()
@_data_option
def down(data: Path) -> None:
    """Stop the parts; data, ports and credentials stay for the next `up`."""
    from trackstream_api.native import stack

    stack.attach(data).down()
    click.echo(f"stopped; {data} keeps the data")


@dev.command()
@_data_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(data: Path, as_json: bool) -> None:
    """Show the parts; exits with 5 where one of them is not healthy."""
    from trackstream_api.native import stack
    from trackstream_schemas.errors import Unavailable

    found = stack.attach(data).status()
    if as_json:
        click.echo(json.dumps([vars(part) for part in found]))
    else:
        for part in found:
            state = "healthy" if part.healthy else "not healthy" if part.running else "not running"
            pid = f"  pid {part.pid}" if part.pid else ""
            click.echo(f"{part.part:<11} {part.address:<22} {state}{pid}")
    sick = [part.part for part in found if not part.healthy]
    if sick:
        raise Unavailable(
            f"{', '.join(sick)} of the stack in {data} is not healthy; see `trackstream dev up`"
        )
