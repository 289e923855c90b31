"""Finding the earlier run that stands for a launch: reads the project's files and asks the store."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.projects.environments import environment
from trackstream.projects.environments.tools import Tools
from trackstream.projects.launch_folder import folder_of
from trackstream.projects.project_file import load_project
from trackstream.projects.recorder import DIRECTORY
from trackstream.projects.reuse import Wanted, did_the_same, is_uri, is_whole, obstacle
from trackstream.projects.sources import git, source, tree_state
from trackstream.projects.store_reads import reads_of
from trackstream.projects.submitted import ReusedRun
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from trackstream.projects.project_file import EntryPoint
    from trackstream.projects.request import Request

logger = logging.getLogger("trackstream")


def earlier_run(uri: str, request: Request) -> ReusedRun | None:
    """Return the run of the newest launch on the store at `uri` that did what is asked for, or None.

    Why nothing can be reused is told as a warning. Raises InvalidInput for a log that cannot be asked, and
    what stands in the way of reading the project.
    """
    wanted = _wanted(request)
    why_not = obstacle(wanted)
    if why_not is not None:
        logger.warning("%s is launched anew: %s", request.entry_point, why_not)
        return None
    with reads_of(uri, "reuse") as store:
        for launch in store.finished_launches(request.entry_point):
            if not did_the_same(wanted, launch):
                continue
            try:
                run = store.run(launch["run_id"])
            except NotFound:
                # Purged since.
                continue
            if is_whole(wanted, run, DIRECTORY):
                return ReusedRun(launch["run_id"], folder_of(launch["launch_id"]))
    return None


def _wanted(request: Request) -> Wanted:
    tools = Tools()
    with tempfile.TemporaryDirectory(prefix="trackstream-") as place:
        found = source.fetch(
            source.parse_uri(request.uri),
            request.version,
            Path(place, "project"),
            environment.cache_directory() / "projects",
            tools,
        )
        project = load_project(found.directory, found.root)
        manager: str | None = None
        key: str | None = None
        if request.backend == "local" and (project.docker is None or request.env_manager == "local"):
            manager, key = environment.identity(project, request.env_manager)
        entry_point = project.entry_point(request.entry_point)
        return Wanted(
            project.name,
            found.directory.resolve().relative_to(found.root.resolve()).as_posix(),
            entry_point,
            request.parameters,
            found.commit,
            found.dirty,
            found.changed,
            _loose_defaults(entry_point, found, tools),
            request.backend,
            request.backend_config,
            request.docker_args,
            manager,
            key,
        )


def _loose_defaults(entry_point: EntryPoint, found: source.Fetched, tools: Tools) -> frozenset[str]:
    repository = git.repository_of(found.directory)
    return frozenset(
        one.name
        for one in entry_point.parameters
        if one.type == "path"
        and one.default is not None
        and not is_uri(one.default)
        and (
            repository is None
            or not tree_state.holds(repository, found.directory / Path(one.default).expanduser(), tools)
        )
    )
