"""`trackstream verify`: compare the tables with what the log says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from trackstream_api.cli.connection import connect
from trackstream_api.cli.errors import TablesDiffer, VerifyFailed
from trackstream_api.cli.options import output_option, store_option, topic_option
from trackstream_api.cli.output import counted, print_json, print_objects, say
from trackstream_api.cli.stack_checks import is_distributed

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLL_SECONDS = 0.1
_COLUMNS = ("TABLE", "ROWS", "DIFFERENT", "FIRST", "COLUMN", "LIVE", "LOG")


@click.command()
@topic_option("Compare only the tables of this topic's projector; repeat for further ones.")
@store_option
@output_option
@click.pass_context
def verify(context: click.Context, names: tuple[str, ...], store: str, output: str) -> None:
    """Compare the tables with the log.

    The log is projected into tables aside, which are compared row by row with those that readers see, while
    logging goes on. Of each table that differs the first row is shown: what the table holds, and what follows
    from the log. Nothing is changed; `trackstream replay` mends. Exits with 1 where something differs.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, this process does
    it for that store.
    """
    from trackstream_api.cli.progress import progress

    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        state = _on_stack(names)
    else:
        with connect(store) as api, progress("Verifying") as report:
            api.post("/api/v1/verify", {"topics": list(names)})
            while (state := api.get("/api/v1/verify"))["state"] == "running":
                report(state["records_done"], state["records_total"])
                time.sleep(_POLL_SECONDS)
    if state["state"] == "failed":
        raise VerifyFailed(f"the tables could not be compared: {state['error']}")
    _print(output, state)


def _on_stack(names: tuple[str, ...]) -> dict[str, Any]:
    from trackstream_api.cli.progress import progress
    from trackstream_api.models.rebuild import NO_VERIFY
    from trackstream_api.rebuild.stack_replay import verify_stack
    from trackstream_api.rebuild.verify_job import result_fields

    with progress("Verifying") as report:
        result = verify_stack(lambda now: report(now.records_done, now.records_total), names)
    counts = {"records_done": result.records, "records_total": result.records}
    done = NO_VERIFY.model_copy(update={"state": "done", **counts, **result_fields(result)})
    return done.model_dump()


def _print(output: str, state: Mapping[str, Any]) -> None:
    tables = state["tables"]
    if output == "json":
        print_json(state)
    else:
        print_objects(output, tables, _COLUMNS, _row)
    busy = max((table["unsettled"] for table in tables), default=0)
    if busy:
        say(
            f"{counted(busy, 'entity').replace('entitys', 'entities')} were written to all the while: of them"
            " only what never changes was compared"
        )
    differing = [table["table"] for table in tables if table["different"]]
    if differing:
        raise TablesDiffer(
            f"{', '.join(differing)}: not what the log says; `trackstream replay` makes them anew"
        )
    rows = sum(table["rows"] for table in tables)
    say(f"the tables hold what the log says: {counted(rows, 'row')} of {counted(len(tables), 'table')}")


def _row(table: Mapping[str, Any]) -> list[Any]:
    first = table["first"]
    if first is None:
        return [table["table"], table["rows"], table["different"], "", "", "", ""]
    identity = " ".join(f"{name}={value}" for name, value in first["identity"].items())
    shown = [
        "(no such row)" if first[side] is None else first[side] if first["column"] else "(a row)"
        for side in ("live", "log")
    ]
    return [table["table"], table["rows"], table["different"], identity, first["column"] or "", *shown]
