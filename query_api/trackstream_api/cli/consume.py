"""`trackstream consume`: the projections of a store on Kafka, as a process of their own."""

from __future__ import annotations

from pathlib import Path

import click

from trackstream_api.stop_signals import stop_signals

_KINDS = ("entities", "metrics", "artifacts", "all")


@click.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.option(
    "--group-instance",
    metavar="ID",
    help="Name of this member, the same after a restart (static membership): its partitions wait for it.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of /health and /metrics.")
@click.option(
    "--health-port",
    "--port",
    "port",
    type=click.IntRange(0, 65535),
    help="Port of /health and /metrics; 0 takes a free one.  [default: none]",
)
@click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TRACKSTREAM_SPOOL",
    show_envvar=True,
    metavar="DIR",
    help="Where artifacts are gathered until they are whole; nothing in it is needed after the end."
    "  [default: a temporary directory]",
)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Go on behind records that retention removed before they were projected; every such gap becomes a"
    " dead letter. Otherwise the process ends with an error that names them.",
)
def consume(
    kind: str,
    group_instance: str | None,
    host: str,
    port: int | None,
    spool: Path | None,
    accept_loss: bool,
) -> None:
    """Project what is on Kafka until Ctrl-C or SIGTERM, then finish the batch.

    The servers are named by TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_…; any number of
    these processes share the partitions. Where to begin stands in ClickHouse, so a process that is killed
    loses nothing. Ends with an error where a projection stops for good.
    """
    # Before the imports, which take a moment: who is asked to stop while it starts ends as well as later.
    with stop_signals() as stopping:
        from trackstream_api.consuming import run

        run(
            kind,
            stopping,
            group_instance,
            host,
            port,
            spool,
            accept_loss,
            announce=lambda text: click.echo(text),
        )
