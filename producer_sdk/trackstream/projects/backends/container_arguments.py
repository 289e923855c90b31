"""What changes for a program that runs in a container: where its files are and how it reaches the log."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream.projects.backends.port import Work
    from trackstream.projects.project_file import DockerEnvironment

CODE = "/mlflow/projects/code"
"""Where the project is in an image that was built with it; MLflow's place (MLFLOW_DOCKER_WORKDIR_PATH)."""
LAUNCH_LABEL = "trackstream.launch-id"
RUN_LABEL = "trackstream.run-id"
PROJECT_LABEL = "trackstream.project"
IDENTITY = (
    "TRACKSTREAM_RUN_ID",
    "TRACKSTREAM_EXPERIMENT_ID",
    "TRACKSTREAM_LAUNCH_ID",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
)
"""Variables that nobody else may set."""
ADDRESSES = ("TRACKSTREAM_URI", "MLFLOW_TRACKING_URI")
_SHELL = 'exec "$(command -v bash || echo sh)" -c "$1"'
"""Projects are written for bash; not every image has it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The work as it is in a container, and files of this machine that must be there under the same name."""

    work: Work
    files: tuple[str, ...] = ()


def placed(work: Work, *, code_inside: bool) -> Placed:
    """Return the work with `path` values as the container has them.

    With `code_inside` the project is at CODE; all other files and directories have to be mounted.
    """
    home = work.project.directory.resolve()
    types = {parameter.name: parameter.type for parameter in work.entry_point.parameters}
    values, files = dict(work.arguments.declared), []
    for name, value in work.arguments.declared.items():
        if types.get(name) != "path":
            continue
        path = Path(value).resolve()
        if code_inside and path.is_relative_to(home):
            values[name] = str(Path(CODE, path.relative_to(home)))
        else:
            values[name] = os.path.normpath(value)
            files.append(values[name])
    arguments = replace(work.arguments, declared=values)
    return Placed(replace(work, arguments=arguments), tuple(dict.fromkeys(files)))


def shell_command(work: Work) -> list[str]:
    """Return the command as a container gets it: for bash where the image has it, else for sh."""
    return ["/bin/sh", "-c", _SHELL, "sh", work.command()]


def asked_variables(docker: DockerEnvironment | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a docker_env. Raises InvalidInput for one to copy that is not set here."""
    found = {}
    for name, value in docker.environment if docker is not None else ():
        if value is None and name not in environment:
            right = f'a variable that is set where the launch is executed, or ["{name}", "value"]'
            raise InvalidInput("docker_env.environment", name, right)
        found[name] = environment[name] if value is None else value
    return found


@dataclass(frozen=True, slots=True)
class Addresses:
    """Variables that tell a program in a container where to log."""

    variables: Mapping[str, str]
    only_here: str | None = None
    """The first address that only this machine has; None where all can be reached from elsewhere."""


def addresses(work: Work, given: Mapping[str, str], tracking_uri: str | None = None) -> Addresses:
    """Return where the program logs: as `given` by name, else at `tracking_uri`, else as on this machine.

    A store in a directory is reached through the server that the launch has for it.
    """
    uri, server = work.variables["TRACKSTREAM_URI"], work.variables.get("MLFLOW_TRACKING_URI")
    known = uri if "://" in uri and not uri.startswith("offline:") else server or uri
    found = {"TRACKSTREAM_URI": tracking_uri or known}
    asked = tracking_uri or server
    if asked is not None:
        found["MLFLOW_TRACKING_URI"] = asked
    # Who names an address knows where it is reached from.
    ours = {} if tracking_uri is not None else found
    only_here = [value for name, value in ours.items() if name not in given and _only_here(value)]
    found.update({name: given[name] for name in ADDRESSES if name in given})
    return Addresses(found, only_here[0] if only_here else None)


def _only_here(uri: str) -> bool:
    if "://" not in uri:
        return True
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
