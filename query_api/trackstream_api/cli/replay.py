"""`trackstream replay`: rebuild the analytical store from the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from trackstream_api.cli.connection import connect
from trackstream_api.cli.errors import ReplayFailed
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import print_json, print_objects
from trackstream_api.cli.stack_checks import is_distributed

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLL_SECONDS = 0.1


@click.command()
@store_option
@output_option
@click.pass_context
def replay(context: click.Context, store: str, output: str) -> None:
    """Rebuild the tables from the log.

    The whole log is projected again beside the live tables, which are then swapped: readers see the old
    tables until the new ones are complete.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, this process
    rebuilds the tables of that store. Its consumers go on meanwhile, and then from where the new tables end.
    """
    from trackstream_api.cli.progress import progress

    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        _print(output, _on_stack())
        return
    with connect(store) as api, progress("Replaying") as report:
        api.post("/api/v1/replay", {})
        while (state := api.get("/api/v1/replay"))["state"] == "running":
            report(state["records_done"], state["records_total"])
            time.sleep(_POLL_SECONDS)
    if state["state"] == "failed":
        raise ReplayFailed(f"the replay failed: {state['error']}; the tables are as they were")
    _print(output, state)


def _on_stack() -> dict[str, Any]:
    from trackstream_api.cli.progress import progress
    from trackstream_api.stack_replay import replay_stack

    with progress("Replaying") as report:
        done = replay_stack(lambda now: report(now.records_done, now.records_total))
    return {
        "state": "done",
        "records_done": done.records_done,
        "records_total": done.records_total,
        "points_per_second": done.rows / done.seconds if done.seconds else 0.0,
        "error": None,
    }


def _print(output: str, state: Mapping[str, Any]) -> None:
    if output == "json":
        print_json(state)
        return
    print_objects(
        output,
        [state],
        ("STATE", "RECORDS", "POINTS PER SECOND"),
        lambda item: [item["state"], item["records_done"], round(item["points_per_second"] or 0)],
    )
