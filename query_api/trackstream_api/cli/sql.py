"""`trackstream sql`: a read-only query over the views."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import store_option
from trackstream_api.cli.output import print_json, print_table, say
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("query")
@click.option(
    "--param",
    "-p",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value for {NAME:Type} in the query; repeatable.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "csv", "arrow"]),
    default="table",
    show_default=True,
    help="How to print; arrow is an Arrow IPC stream.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write csv or arrow here instead of to standard output.",
)
@store_option
def sql(query: str, params: Sequence[str], output: str, target: Path | None, store: str) -> None:
    """Run a SELECT over the store's views.

    The views are v_runs, v_metrics … (see docs/sql.md). QUERY `-` reads standard input.

    \b
    trackstream sql "SELECT name, status FROM v_runs WHERE run_id = {id:String}" --param id=…
    """
    text = sys.stdin.read() if query == "-" else query
    if output == "arrow" and target is None and sys.stdout.isatty():
        raise InvalidInput("--output", "arrow", "a file (--to FILE) or a pipe, since it is not text")
    if target is not None and output not in ("csv", "arrow"):
        raise InvalidInput("--to", str(target), "to be used with --output csv or arrow")
    body = {"query": text, "parameters": pairs("--param", params)}
    with connect(store) as api:
        if output in ("csv", "arrow"):
            content = api.text_of("/api/v1/sql", {**body, "format": output})
            _write(content, target)
            return
        answer = api.post("/api/v1/sql", {**body, "format": "json"})
    if output == "json":
        print_json(answer)
        return
    columns = [column["name"] for column in answer["columns"]]
    print_table(columns, answer["rows"], empty="no rows")


def _write(content: bytes, target: Path | None) -> None:
    if target is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        target.write_bytes(content)
    except OSError as error:
        raise StorageFailed(f"cannot write {target}: {error.strerror or error}") from error
    say(f"wrote {len(content)} bytes to {target}")
