"""How launches are told of. Pure functions over what the API answers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

OVER = frozenset({"finished", "failed", "cancelled"})
_KINDS = {
    "requested": "idle",
    "preparing": "live",
    "ready": "live",
    "running": "live",
    "finished": "good",
    "failed": "bad",
    "cancelled": "warn",
}
_SHOWN_PARAMETERS = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """A step on a launch's way."""

    name: str
    at: int | None
    """When it was reached, milliseconds since the epoch; None: not yet, or never."""
    kind: str


def kind_of(state: str) -> str:
    """Return the kind of mark for a state."""
    return _KINDS.get(state, "idle")


def stages_of(launch: Mapping[str, Any]) -> list[Stage]:
    """Return a launch's way, in order; the last stage is how it ended or is expected to."""
    end = launch["state"] if launch["state"] in OVER else "ended"
    steps = [
        ("requested", launch["requested_at"]),
        ("taken", launch["claimed_at"]),
        ("prepared", launch["prepared_at"]),
        ("started", launch["started_at"]),
        (end, launch["ended_at"]),
    ]
    return [
        Stage(name, at, kind_of(name) if name in OVER else "live" if at else "idle") for name, at in steps
    ]


def without_heartbeats(launch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a launch is shown: all but when its launcher was heard of last."""
    return {name: value for name, value in launch.items() if name != "last_seen"}


def project_of(launch: Mapping[str, Any]) -> str:
    """Return a short name of what is launched."""
    if launch["project"]:
        return str(launch["project"])
    uri, _, inner = str(launch["uri"]).partition("#")
    if uri.startswith("runs:/"):
        return "a project that was sent"
    name = (
        uri.rstrip("/").rpartition("/")[2].removesuffix(".git").removesuffix(".tar.gz").removesuffix(".zip")
    )
    return f"{name}#{inner}" if inner else name or uri


def parameters_of(launch: Mapping[str, Any]) -> str:
    """Return a launch's first parameters in a line."""
    given = sorted(launch["parameters"].items())
    shown = "  ".join(f"{name}={value}" for name, value in given[:_SHOWN_PARAMETERS])
    return f"{shown}  +{len(given) - _SHOWN_PARAMETERS}" if len(given) > _SHOWN_PARAMETERS else shown


def command_to_repeat(launch: Mapping[str, Any]) -> str:
    """Return the command that launches it again."""
    return shlex.join(["trackstream", "launches", "retry", launch["launch_id"]])


def log_hint(launch: Mapping[str, Any]) -> str:
    """Return what to say where nothing was printed."""
    if launch["state"] == "requested":
        queue = launch["queue"]
        return (
            f"It waits in the queue “{queue}” for a worker: trackstream launch-worker --queue {queue}"
            if queue
            else "It waits for its launcher."
        )
    if launch["state"] in OVER:
        return "It has printed nothing."
    return "Nothing was printed yet. What it prints is sent here again and again while it runs."


def extra_parameters(text: str) -> dict[str, str]:
    """Return the parameters of lines such as `name=value`. Raises ValueError, which quotes the line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.strip():
            raise ValueError(f"“{line.strip()}” is not NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
