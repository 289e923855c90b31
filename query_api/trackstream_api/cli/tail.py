"""`trackstream tail`: what happens, as it happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli.options import store_option
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.cli.api import Api

_RUN_ID_LENGTH = 32


@click.command()
@click.option("--run", "-r", metavar="RUN_ID", help="Only this run; the start or end of its id will do.")
@click.option("--experiment", "-e", metavar="NAME", help="Only this experiment and its runs, by name or id.")
@click.option("--type", "-t", "types", multiple=True, metavar="EVENT", help="Only RunStarted, …; repeatable.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Only runs, metrics, …; repeatable.")
@click.option(
    "--since",
    metavar="MOMENT",
    help="Begin at a time, 10m ago, topic:partition:offset, or the beginning; without it: now.",
)
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for what comes.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@click.option("--points", is_flag=True, help="With --json: all metric points instead of a summary.")
@store_option
def tail(
    run: str | None,
    experiment: str | None,
    types: Sequence[str],
    topics: Sequence[str],
    since: str | None,
    follow: bool,
    as_json: bool,
    points: bool,
    store: str,
) -> None:
    """Print the events of the log as they come.

    Without --follow, those that are there: all of them, unless --since says otherwise. A server that restarts
    is waited for. Keeps no directory from others.
    """
    from trackstream_api.cli import event_stream
    from trackstream_api.cli.connection import connect_to_log
    from trackstream_api.cli.event_lines import line_of

    if points and not as_json:
        raise click.UsageError("--points needs --json", click.get_current_context())
    with connect_to_log(store) as api:
        query: dict[str, Any] = {
            "run": None if run is None else _run_id(api, run),
            "experiment": None if experiment is None else _experiment_id(api, experiment),
            "type": list(types) or None,
            "topic": list(topics) or None,
            "since": since or ("now" if follow else "beginning"),
            "points": "full" if points else None,
        }
        if not follow:
            for event in event_stream.once(api, query):
                click.echo(json.dumps(event, ensure_ascii=False) if as_json else line_of(event))
            return
    try:
        for text in event_stream.following(store, query):
            click.echo(text if as_json else line_of(json.loads(text)))
    except KeyboardInterrupt:
        # That is how one stops to follow.
        return


def _run_id(api: Api, given: str) -> str:
    """Return the id of the run that `given` names in full or in part. Raises NotFound."""
    from trackstream_api.cli.event_stream import once

    if len(given) == _RUN_ID_LENGTH:
        return given
    started = once(api, {"type": "RunStarted", "since": "beginning"})
    found = {
        event["key"] for event in started if event["key"].startswith(given) or event["key"].endswith(given)
    }
    if given in found:
        return given
    if len(found) != 1:
        why = "no run has" if not found else f"{len(found)} runs have"
        raise NotFound(f"{why} an id that begins or ends with {given!r} in {api.where}")
    return str(found.pop())


def _experiment_id(api: Api, given: str) -> str:
    """Return the id of the experiment with this name, a living one before others, or this id."""
    from trackstream_api.cli.event_stream import once

    names: dict[str, str] = {}
    gone: set[str] = set()
    for event in once(api, {"topic": "experiments", "since": "beginning"}):
        key, body = event["key"], event.get("body", {})
        if event["type"] == "ExperimentRenamed" or (
            event["type"] == "ExperimentCreated" and key not in names
        ):
            names[key] = body["name"]
        elif event["type"] in ("ExperimentDeleted", "ExperimentPurged"):
            gone.add(key)
        elif event["type"] == "ExperimentRestored":
            gone.discard(key)
    found = sorted((key for key, name in names.items() if name == given), key=gone.__contains__)
    if found:
        return found[0]
    if given in names:
        return given
    raise NotFound(f"no experiment named {given!r} in {api.where}")
