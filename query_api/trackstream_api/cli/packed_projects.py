"""What a directory that was sent to a queue was, as its run tells before a worker has unpacked it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.lookup import SEARCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.cli.api import Api

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class PackedProject:
    """A project that was sent."""

    name: str
    directory: str
    """Where it was, on the machine that sent it."""


def packed_projects(api: Api, launches: Sequence[Mapping[str, Any]]) -> dict[str, PackedProject]:
    """Return by launch what was sent of those whose project is not known otherwise yet."""
    from trackstream.projects.queued import DIRECTORY_TAG, PROJECT_TAG

    # A launch that repeats another one has the files of that one's run.
    runs = {launch["launch_id"]: _run_of(launch["uri"]) for launch in launches if not launch["project"]}
    wanted = sorted({run_id for run_id in runs.values() if run_id})
    tags: dict[str, Mapping[str, str]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        listed = ", ".join(f"'{run_id}'" for run_id in wanted[start : start + _AT_ONCE])
        body = {"filter": f"run_id IN ({listed})", "view": "all"}
        tags.update((run["run_id"], run["tags"]) for run in api.search_pages(SEARCH, "runs", body, None))
    return {
        launch_id: PackedProject(tags[run_id][PROJECT_TAG], tags[run_id].get(DIRECTORY_TAG, ""))
        for launch_id, run_id in runs.items()
        if run_id and PROJECT_TAG in tags.get(run_id, {})
    }


def _run_of(uri: str) -> str | None:
    """Return the run that has a packed project; None for projects that are elsewhere."""
    if not uri.startswith("runs:/"):
        return None
    run_id = uri.removeprefix("runs:/").partition("/")[0]
    return run_id if run_id.replace("-", "").replace("_", "").isalnum() else None
