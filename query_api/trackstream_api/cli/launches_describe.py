"""`trackstream launches describe`: all that is known of one launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from trackstream_api.cli import lookup
from trackstream_api.cli.connection import connect
from trackstream_api.cli.options import as_of_option, output_option, store_option
from trackstream_api.cli.output import duration, flat, print_csv, print_json, print_section, when
from trackstream_api.cli.packed_projects import packed_projects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_api.cli.packed_projects import PackedProject


@click.command()
@click.argument("launch_id")
@as_of_option
@store_option
@output_option
def describe(launch_id: str, as_of: str | None, store: str, output: str) -> None:
    """Show all that is known of a launch."""
    settle()
    with connect(store, as_of=as_of) as api:
        found = api.get(path_of(lookup.launch_id_of(api, checked(launch_id))))
        packed = packed_projects(api, [found]).get(found["launch_id"])
    if output == "json":
        print_json(found)
    elif output == "csv":
        print_csv([flat(found)])
    else:
        _print(found, packed)


def settle() -> None:
    """Have the log know of launches of this machine whose launcher was killed."""
    from trackstream.projects.recovery import settle_all

    settle_all()


def checked(launch_id: str) -> str:
    """Return what may be a launch's id, or a part of it. Raises InvalidInput."""
    from trackstream_schemas import validate

    return validate.run_id(launch_id, "LAUNCH_ID")


def path_of(launch_id: str) -> str:
    """Return the API path of a launch."""
    return f"{lookup.LAUNCHES}/{quote(checked(launch_id), safe='')}"


def _print(launch: Mapping[str, Any], packed: PackedProject | None) -> None:
    sent = launch["uri"].startswith("runs:/")
    commit = launch["commit"]
    if commit and launch["dirty"]:
        commit = f"{commit}, with changes"
    print_section(
        "Launch",
        ("ATTRIBUTE", "VALUE"),
        _given(
            {
                "launch id": launch["launch_id"],
                "state": launch["state"],
                "reason": launch["reason"],
                "exit code": launch["exit_code"],
                "run": launch["run_id"],
                "experiment": launch["experiment_id"],
                "requested": f"{when(launch['requested_at'])} by {launch['user_id'] or 'somebody'}",
                "prepared": _when(launch["prepared_at"]),
                "started": _when(launch["started_at"]),
                "ended": _when(launch["ended_at"]),
                "took": _took(launch),
                "last seen": _when(launch["last_seen"]),
                "queue": launch["queue"],
                "attempts": f"{launch['attempts']} of {launch['max_attempts']}",
                "backend": launch["backend"],
                "where": launch["handle"] or launch["host"],
                "retry of": launch["retry_of"],
                "launched by": launch["parent_launch_id"],
            }
        ),
    )
    print_section(
        "Project",
        ("ATTRIBUTE", "VALUE"),
        _given(
            {
                "name": launch["project"] or (packed.name if packed else ""),
                "from": (packed.directory if packed else launch["source"]) if sent else "",
                "uri": launch["uri"],
                "version": launch["project_version"],
                "commit": commit,
                "entry point": launch["entry_point"],
                "command": launch["command"],
                "environment": launch["environment"],
                "image": launch["image"],
            }
        ),
    )
    print_section("Params", ("PARAM", "VALUE"), sorted(launch["parameters"].items()))
    conflicts = [
        [item.get("kind"), item.get("key"), item.get("kept"), item.get("rejected")]
        for item in launch["conflicts"]
    ]
    print_section("Conflicts (the first one stands)", ("KIND", "KEY", "KEPT", "REJECTED"), conflicts)


def _given(attributes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what is known."""
    return [(name, value) for name, value in attributes.items() if value not in ("", None)]


def _when(millis: int | None) -> str | None:
    return None if millis is None else when(millis)


def _took(launch: Mapping[str, Any]) -> str | None:
    if launch["ended_at"] is None:
        return None
    return duration(launch["claimed_at"] or launch["requested_at"], launch["ended_at"])
