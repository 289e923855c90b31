"""`trackstream replay`: rebuild the analytical store from the log."""

from __future__ import annotations

import time

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.errors import ReplayFailed
from trackstream_api.cli.options import output_option, store_option
from trackstream_api.cli.output import print_json, print_objects

_POLL_SECONDS = 0.1


@click.command()
@store_option
@output_option
def replay(store: str, output: str) -> None:
    """Rebuild the tables from the log.

    The whole log is projected again beside the live tables, which are then swapped: readers see the old
    tables until the new ones are complete.
    """
    from trackstream_api.cli.progress import progress

    with connect(store) as api, progress("Replaying") as report:
        api.post("/api/v1/replay", {})
        while (state := api.get("/api/v1/replay"))["state"] == "running":
            report(state["records_done"], state["records_total"])
            time.sleep(_POLL_SECONDS)
    if state["state"] == "failed":
        raise ReplayFailed(f"the replay failed: {state['error']}; the tables are as they were")
    if output == "json":
        print_json(state)
        return
    print_objects(
        output,
        [state],
        ("STATE", "RECORDS", "POINTS PER SECOND"),
        lambda item: [item["state"], item["records_done"], round(item["points_per_second"] or 0)],
    )
