"""`trackstream replay`: rebuild the analytical store from the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from trackstream_api.cli.connection import connect
from trackstream_api.cli.errors import ReplayFailed
from trackstream_api.cli.options import output_option, store_option, topic_option
from trackstream_api.cli.output import counted, print_json, print_objects, say, size_text
from trackstream_api.cli.stack_checks import is_distributed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.rebuild.replay import ReplayProgress

_POLL_SECONDS = 0.1


@click.command()
@topic_option("Rebuild only the tables of this topic's projector; repeat for further ones.")
@click.option(
    "--since",
    metavar="MOMENT",
    help="Rebuild only what has a record from then on: a time, 10m for ten minutes ago, or"
    " topic:partition:offset.",
)
@click.option("--from-start", is_flag=True, help="Throw away what a replay that was killed has built.")
@store_option
@output_option
@click.pass_context
def replay(
    context: click.Context,
    names: tuple[str, ...],
    since: str | None,
    from_start: bool,
    store: str,
    output: str,
) -> None:
    """Rebuild the tables from the log.

    The log is projected again beside the live tables, which are then swapped: readers see the old tables
    until the new ones are complete. A replay that was killed or interrupted is gone on with by the next one
    of the same tables. Contents of files that travelled on the log are put into the artifact store where they
    are missing; files whose content is nowhere are named.

    With --since whole runs, experiments … that were touched are rebuilt from their beginning, and all others
    are taken over as they are.

    With TRACKSTREAM_KAFKA, TRACKSTREAM_CLICKHOUSE and TRACKSTREAM_S3_… set, and no --dir, this process
    rebuilds the tables of that store. Its consumers go on meanwhile, and then from where the new tables end.
    """
    from trackstream_api.cli.progress import rated_progress

    if context.get_parameter_source("store") != ParameterSource.COMMANDLINE and is_distributed():
        _print(output, _on_stack(names, since, from_start))
        return
    with connect(store) as api, rated_progress("Replaying", "points/s") as report:
        asked = {"topics": list(names), "since": since, "from_start": from_start}
        api.post("/api/v1/replay", asked)
        while (state := api.get("/api/v1/replay"))["state"] == "running":
            report(state["records_done"], state["records_total"], state["points_per_second"])
            time.sleep(_POLL_SECONDS)
    if state["state"] == "failed":
        raise ReplayFailed(f"the replay failed: {state['error']}; the tables are as they were")
    _print(output, state)


def _on_stack(names: tuple[str, ...], since: str | None, from_start: bool) -> dict[str, Any]:
    from trackstream_api.cli.progress import rated_progress
    from trackstream_api.rebuild.replay_job import progress_fields
    from trackstream_api.rebuild.stack_replay import replay_stack

    with rated_progress("Replaying", "points/s") as report:

        def tell(now: ReplayProgress) -> None:
            rate = now.rows / now.seconds if now.seconds else 0.0
            report(now.records_done, now.records_total, rate)

        done = replay_stack(tell, names, since, from_start=from_start)
    fields: dict[str, Any] = progress_fields(done)
    missing = [file.model_dump() for file in fields["missing"]]
    return {"state": "done", **fields, "missing": missing, "error": None}


def _print(output: str, state: Mapping[str, Any]) -> None:
    if state["resumed"]:
        say("it went on with what an earlier replay had built")
    if state["missing_contents"]:
        files = counted(state["missing_contents"], "file")
        say(f"the content of {files} is neither in the artifact store nor on the log:")
        for file in state["missing"]:
            say(f"  {file['owner']} {file['path']} ({size_text(file['size'])}, sha256 {file['sha256']})")
    if output == "json":
        print_json(state)
        return
    print_objects(
        output,
        [state],
        ("STATE", "RECORDS", "POINTS PER SECOND"),
        lambda item: [item["state"], item["records_done"], round(item["points_per_second"] or 0)],
    )
