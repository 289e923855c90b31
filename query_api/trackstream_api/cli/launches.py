"""`trackstream launches`: list, describe, logs, cancel, retry."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import (
    limit_option,
    output_option,
    store_option,
    summary_output_option,
)
from trackstream_api.cli.output import cell, duration, print_json, print_objects, say, when
from trackstream_api.cli.run import attend, detach_option, parameters_option, show
from trackstream_api.cli.values import pairs
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream.projects import SubmittedRun
    from trackstream_api.cli.api import Api

_PATH = "/api/v1/launches"
_STATES = ("requested", "preparing", "ready", "running", "finished", "failed", "cancelled")
_OVER = ("finished", "failed", "cancelled")
_COLUMNS = ("LAUNCH ID", "STATE", "PROJECT", "ENTRY POINT", "RUN ID", "HOST", "REQUESTED", "TOOK")
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
@limit_option(100)
@store_option
@output_option
def list_(states: Sequence[str], run_id: str | None, limit: int, store: str, output: str) -> None:
    """List launches, the newest first."""
    _settle()
    with connect(store) as api:
        query = {"state": list(states) or None, "run_id": run_id}
        found = list(api.pages(_PATH, "launches", query, limit))
    print_objects(output, found, _COLUMNS, _row, empty="no launches")


@launches.command()
@click.argument("launch_id")
@store_option
@summary_output_option
def describe(launch_id: str, store: str, output: str) -> None:
    """Show all that is known of a launch."""
    _settle()
    with connect(store) as api:
        found = api.get(_path(launch_id))
    if output == "json":
        print_json(found)
        return
    for label, value in _facts(found).items():
        click.echo(f"{label + ':':<14}{cell(value) if value not in ('', None) else '-'}")
    if found["conflicts"]:
        click.echo(f"{'conflicts:':<14}{len(found['conflicts'])} (--output json shows them)")


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

    folder = folder_of(_checked(launch_id))
    if folder.output.exists():
        follow_here(folder, show, wait=follow)
        return
    with connect(store) as api:
        for piece in _uploaded(api, launch_id, follow):
            show(piece)


@launches.command()
@click.argument("launch_id")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept with the launch.")
@store_option
def cancel(launch_id: str, reason: str, store: str) -> None:
    """End a launch. Its program gets SIGTERM and, after some seconds, SIGKILL."""
    from trackstream.projects.launch_folder import folder_of
    from trackstream.projects.submitted import SubmittedRun as Submitted

    _settle()
    with connect(store) as api:
        found = api.post(f"{_path(launch_id)}/cancel", {"reason": reason})
    # Where it is executed here, its launcher need not wait until it looks at the log again.
    Submitted(found["run_id"], folder_of(found["launch_id"])).cancel()
    say(
        f"launch {launch_id} is asked to end"
        if found["state"] not in _OVER
        else f"launch {launch_id} is over"
    )


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

    _settle()
    with connect(store) as api:
        found = api.get(_path(launch_id))
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
        )

    attend(launch, detach)


def _settle() -> None:
    """Have the log know of launches of this machine whose launcher was killed."""
    from trackstream.projects.recovery import settle_all

    settle_all()


def _checked(launch_id: str) -> str:
    from trackstream_schemas import validate

    return validate.run_id(launch_id, "LAUNCH_ID")


def _path(launch_id: str) -> str:
    return f"{_PATH}/{quote(_checked(launch_id), safe='')}"


def _uploaded(api: Api, launch_id: str, follow: bool) -> Iterator[bytes]:
    """Yield what a launch has printed as far as it is uploaded, piece by piece."""
    shown = 0
    while True:
        # Asked first: what is uploaded behind this answer is then seen in the next round.
        over = api.get(_path(launch_id))["state"] in _OVER
        with api.stream(f"{_path(launch_id)}/logs", {}, 300) as answer:
            passed = 0
            for piece in answer.iter_bytes():
                new = piece[max(0, shown - passed) :]
                passed += len(piece)
                if new:
                    yield new
            shown = max(shown, passed)
        if over or not follow:
            return
        time.sleep(_LOOK_SECONDS)


def _row(launch: Mapping[str, Any]) -> list[Any]:
    return [
        launch["launch_id"],
        launch["state"],
        launch["project"] or launch["uri"],
        launch["entry_point"],
        launch["run_id"],
        launch["host"] or "-",
        when(launch["requested_at"]),
        duration(launch["claimed_at"] or launch["requested_at"], launch["ended_at"]),
    ]


def _facts(launch: Mapping[str, Any]) -> dict[str, Any]:
    commit = launch["commit"]
    if commit and launch["dirty"]:
        commit = f"{commit}, with changes"
    return {
        "launch": launch["launch_id"],
        "state": launch["state"],
        "reason": launch["reason"],
        "exit code": launch["exit_code"],
        "run": launch["run_id"],
        "experiment": launch["experiment_id"],
        "project": launch["project"],
        "uri": launch["uri"],
        "version": launch["project_version"],
        "commit": commit,
        "entry point": launch["entry_point"],
        "parameters": ", ".join(f"{name}={value}" for name, value in launch["parameters"].items()),
        "command": launch["command"],
        "environment": launch["environment"],
        "image": launch["image"],
        "backend": launch["backend"],
        "where": launch["handle"] or (f"{launch['host']}" if launch["host"] else ""),
        "attempts": f"{launch['attempts']} of {launch['max_attempts']}",
        "retry of": launch["retry_of"],
        "launched by": launch["parent_launch_id"],
        "requested": f"{when(launch['requested_at'])} by {launch['user_id'] or 'somebody'}",
        "prepared": when(launch["prepared_at"]),
        "started": when(launch["started_at"]),
        "ended": when(launch["ended_at"]),
        "last seen": when(launch["last_seen"]),
    }
