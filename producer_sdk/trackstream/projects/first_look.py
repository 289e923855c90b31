"""What a project's own files say against a request, before anything of it is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.projects import command_line
from trackstream.projects.backends import backend_for
from trackstream.projects.project_file import load_project
from trackstream.projects.sources import source
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream.projects.request import Request


def first_look(request: Request, cwd: Path) -> list[str]:
    """Return what to warn of. Raises for what can never run: an unknown entry point, a value that is missing
    or not of its type, what the backend cannot do, a project file that is wrong (InvalidInput,
    ProjectInvalid, ProjectNotFound).

    Only for files that are at hand, those of a directory; of others the launch itself tells it.
    """
    found = source.at_hand(source.parse_uri(request.uri, cwd), request.version)
    if found is None:
        return []
    project = load_project(*found)
    if request.queue is None:
        backend_for(request, project).check(request)
    entry_point = project.entry_point(request.entry_point)
    in_container = project.docker is not None and request.env_manager != "local"
    if request.docker_args and request.backend == "local" and not in_container:
        right = "none: the program runs in no container, since there is no docker_env or it is not used"
        raise InvalidInput("docker arguments", sorted(request.docker_args), right)
    given = dict(request.parameters)
    if request.queue is not None:
        # Relative paths are then the project's, and others need only be there where it is executed.
        cwd = project.directory
        for parameter in entry_point.parameters:
            if parameter.type == "path" and Path(given.get(parameter.name, "")).is_absolute():
                given[parameter.name] = str(cwd)
    command_line.arguments(entry_point, given, cwd=cwd, project=project.directory)
    return command_line.notes_of(entry_point, request.parameters)
