"""`trackstream launches`: list, describe, logs, cancel, retry."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from trackstream_api.cli import lookup
from trackstream_api.cli.connection import connect
from trackstream_api.cli.launch_options import detach_option, parameters_option
from trackstream_api.cli.launches_describe import checked, describe, path_of, settle
from trackstream_api.cli.lookup import LAUNCHES
from trackstream_api.cli.options import as_of_option, limit_option, output_option, store_option
from trackstream_api.cli.output import duration, print_objects, say, when
from trackstream_api.cli.packed_projects import packed_projects
from trackstream_api.cli.queued import printed_since
from trackstream_api.cli.run import attend, show
from trackstream_api.cli.served_apart import served_apart
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream.projects import SubmittedRun
    from trackstream_api.cli.api import Api
    from trackstream_api.cli.packed_projects import PackedProject

_STATES = ("requested", "preparing", "ready", "running", "finished", "failed", "cancelled")
_OVER = ("finished", "failed", "cancelled")
_QUEUE = "QUEUE"
_COLUMNS = ("LAUNCH ID", "STATE", _QUEUE, "PROJECT", "ENTRY POINT", "RUN ID", "HOST", "REQUESTED", "TOOK")
_LOOK_SECONDS = 1.0
_REDACTED = "[redacted]"


@click.group()
def launches() -> None:
    """Look at launches of projects, and end or repeat them."""


@launches.command(name="list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Only this state; repeatable."
)
@click.option("--run-id", metavar="ID", help="Only those that log into this run.")
@click.option("--queue", metavar="NAME", help="Only those of this queue.")
@limit_option(100)
@as_of_option
@store_option
@output_option
def list_(
    states: Sequence[str],
    run_id: str | None,
    queue: str | None,
    limit: int,
    as_of: str | None,
    store: str,
    output: str,
) -> None:
    """List launches, the newest first."""
    settle()
    with connect(store, as_of=as_of) as api:
        query = {"state": list(states) or None, "run_id": run_id, "queue": queue}
        found = list(api.pages(LAUNCHES, "launches", query, limit))
        packed = packed_projects(api, found) if output not in ("json", "csv") else {}
    ids = [launch["launch_id"] for launch in found]
    short = dict(zip(ids, lookup.shortened(ids), strict=True))
    queues = any(launch["queue"] is not None for launch in found)
    columns = _COLUMNS if queues else [name for name in _COLUMNS if name != _QUEUE]

    def row(launch: Mapping[str, Any]) -> list[Any]:
        cells = dict(zip(_COLUMNS, _row(launch, short, packed), strict=True))
        return [cells[name] for name in columns]

    print_objects(output, found, columns, row, empty="no launches")


launches.add_command(describe)


@launches.command()
@click.argument("launch_id")
@click.option("-f", "--follow", is_flag=True, help="Go on until the launch is over.")
@store_option
def logs(launch_id: str, follow: bool, store: str) -> None:
    """Print what a launch has printed.

    On the machine that executes it as it comes; elsewhere what its launcher has uploaded so far.
    """
    from trackstream.projects.following import follow as follow_here
    from trackstream.projects.launch_folder import folder_of

    if len(checked(launch_id)) < lookup.LAUNCH_ID_LENGTH:
        with connect(store) as api:
            launch_id = lookup.launch_id_of(api, launch_id)
    folder = folder_of(launch_id)
    if folder.output.exists():
        follow_here(folder, show, wait=follow)
        if follow:
            settle()
            with connect(store) as api:
                _say_how_it_is(api.get(path_of(launch_id)))
        return
    with connect(store) as api:
        found = api.get(path_of(launch_id))
        if found["state"] == "requested":
            _say_how_it_is(found)
        for piece in _uploaded(api, launch_id, follow):
            show(piece)
        if follow:
            _say_how_it_is(api.get(path_of(launch_id)))


@launches.command()
@click.argument("launch_id")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept with the launch.")
@store_option
def cancel(launch_id: str, reason: str, store: str) -> None:
    """End a launch. Its program gets SIGTERM and, after some seconds, SIGKILL."""
    from trackstream.projects.launch_folder import folder_of
    from trackstream.projects.submitted import SubmittedRun as Submitted

    settle()
    with connect(store) as api:
        launch_id = lookup.launch_id_of(api, checked(launch_id))
        found = api.post(f"{path_of(launch_id)}/cancel", {"reason": reason})
    # Where it is executed here, its launcher need not wait until it looks at the log again.
    Submitted(found["run_id"], folder_of(found["launch_id"])).cancel()
    over = found["state"] in _OVER
    say(f"launch {launch_id} is {found['state'] if over else 'asked to end'}")


@launches.command()
@click.argument("launch_id")
@parameters_option
@detach_option
@store_option
def retry(launch_id: str, parameters: Sequence[str], detach: bool, store: str) -> None:
    """Launch again what a launch that is over was asked to do, at the same commit, into a new run.

    -P changes a parameter; secrets must be given again.
    """
    from trackstream import projects

    settle()
    with served_apart(store) as address, connect(address) as api:
        found = api.get(path_of(lookup.launch_id_of(api, checked(launch_id))))
    if found["state"] not in _OVER:
        right = f"a launch that is over: this one is {found['state']} (`trackstream launches cancel` ends it)"
        raise InvalidInput("LAUNCH_ID", launch_id, right)
    values = {**found["parameters"], **pairs("-P", parameters)}
    for name, value in values.items():
        if value == _REDACTED:
            right = f"the value, which was not recorded: -P {name}=…"
            raise InvalidInput(f"parameter {name}", value, right)
    source = found["source"] or ""
    from_git = "://" in source or "@" in source or found["project_version"] is not None
    # The files that were sent to a queue are what they are.
    from_git = from_git and not found["uri"].startswith("runs:/")

    def launch() -> SubmittedRun:
        return projects.run(
            found["uri"],
            found["entry_point"],
            found["commit"] if found["commit"] and from_git else found["project_version"],
            values,
            experiment_id=found["experiment_id"],
            env_manager=found["env_manager"],
            backend=found["backend"],
            backend_config=json.loads(found["backend_config"]),
            docker_args=found["docker_args"],
            storage_dir=found["storage_dir"],
            synchronous=False,
            tracking_uri=store,
            retry_of=found["launch_id"],
            queue=found["queue"],
            max_attempts=found["max_attempts"],
        )

    attend(launch, detach)


def _say_how_it_is(launch: Mapping[str, Any]) -> None:
    state, queue = launch["state"], launch["queue"]
    if state == "requested" and queue is not None:
        say(f"launch {launch['launch_id']} waits in the queue {queue!r}")
    else:
        because = f": {launch['reason']}" if launch["reason"] else ""
        say(f"launch {launch['launch_id']} is {state}{because}")


def _uploaded(api: Api, launch_id: str, follow: bool) -> Iterator[bytes]:
    """Yield what a launch has printed as far as it is uploaded, piece by piece."""
    shown = 0
    while True:
        # Asked first: what is uploaded behind this answer is then seen in the next round.
        over = api.get(path_of(launch_id))["state"] in _OVER
        for piece in printed_since(api, launch_id, shown):
            shown += len(piece)
            yield piece
        if over or not follow:
            return
        time.sleep(_LOOK_SECONDS)


def _row(
    launch: Mapping[str, Any], short: Mapping[str, str], packed: Mapping[str, PackedProject]
) -> list[Any]:
    sent = packed.get(launch["launch_id"])
    return [
        short[launch["launch_id"]],
        launch["state"],
        launch["queue"],
        launch["project"] or (launch["uri"] if sent is None else sent.name),
        launch["entry_point"],
        launch["run_id"],
        launch["host"] or "-",
        when(launch["requested_at"]),
        duration(launch["claimed_at"] or launch["requested_at"], launch["ended_at"]),
    ]
