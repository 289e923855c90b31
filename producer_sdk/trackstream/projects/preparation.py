"""What comes before a program is started: its files, its values, the server it asks, its environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.projects import command_line
from trackstream.projects.backends import backend_for
from trackstream.projects.backends.port import Work
from trackstream.projects.environments.environment import cache_directory
from trackstream.projects.project_file import load_project
from trackstream.projects.shared_server import ServerForLaunch
from trackstream.projects.sources import source
from trackstream.projects.sources.download import downloader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from trackstream.projects.backends.port import Backend, Ready
    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.launch_folder import LaunchFolder
    from trackstream.projects.request import Request
    from trackstream.projects.sources.source import Fetched


@dataclass(frozen=True, slots=True)
class Prepared:
    """A program that can be started."""

    found: Fetched
    backend: Backend
    work: Work
    ready: Ready
    given: Mapping[str, str]
    """All values as they were asked for, before URIs were downloaded."""


def prepare(
    request: Request, cwd: Path, folder: LaunchFolder, uri: str, opened: ExitStack, tools: Tools
) -> Prepared:
    """Bring a project here and make ready what it runs in; it logs to the store at `uri`.

    A server that is started for it runs until `opened` is closed. Relative paths are those of `cwd`. Raises
    what is wrong with the request or the project (InvalidInput, ProjectInvalid, ProjectNotFound),
    EnvironmentFailed, LaunchCancelled.
    """
    server = ServerForLaunch(uri, folder.path / "server.log")
    located = source.parse_uri(request.uri, cwd)
    if located.kind == "packed":
        _open(server, opened, tools)
    kept = cache_directory() / "projects"
    found = source.fetch(located, request.version, folder.project, kept, tools, server.address)
    project = load_project(found.directory, found.root)
    backend = backend_for(request, project)
    backend.check(request)
    entry_point = project.entry_point(request.entry_point)
    if request.queue is not None:
        # Where it was asked for means nothing on another machine.
        cwd = project.directory
    # What is wrong with the values is told before an environment is made.
    given = command_line.arguments(entry_point, request.parameters, cwd=cwd, project=project.directory)
    if source.at_hand(located, request.version) is None:
        for note in command_line.notes_of(entry_point, request.parameters):
            tools.say(note)
    if located.kind != "packed":
        _open(server, opened, tools)
    storage = Path(request.storage_dir) if request.storage_dir else folder.path / "parameters"
    values = command_line.arguments(
        entry_point,
        request.parameters,
        cwd=cwd,
        project=project.directory,
        download=downloader(storage, server.address, tools),
    )
    tools.check()
    variables = _variables(request, uri, server)
    work = Work(request, project, entry_point, values, folder.path, variables)
    return Prepared(found, backend, work, backend.prepare(work, tools), given.all)


def _open(server: ServerForLaunch, opened: ExitStack, tools: Tools) -> None:
    tools.awaited(server.__enter__)
    opened.push(server)


def _variables(request: Request, uri: str, server: ServerForLaunch) -> dict[str, str]:
    """Return what tells a program where to log, in our names and in MLflow's."""
    found = {
        "TRACKSTREAM_URI": uri,
        "TRACKSTREAM_RUN_ID": request.run_id,
        "TRACKSTREAM_EXPERIMENT_ID": request.experiment_id,
        "TRACKSTREAM_LAUNCH_ID": request.launch_id,
        "MLFLOW_RUN_ID": request.run_id,
        "MLFLOW_EXPERIMENT_ID": request.experiment_id,
        "PYTHONUNBUFFERED": "1",
    }
    if server.address is not None:
        found["MLFLOW_TRACKING_URI"] = server.address
    if server.temporary:
        # A link to a server that is gone when somebody reads it helps nobody.
        found["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    return found
