"""The connection to Docker, and its errors as ours."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trackstream.projects.errors import EnvironmentFailed
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream.projects.environments.tools import Tools

_DEFAULT_HOST = "unix:///var/run/docker.sock"
_TIMEOUT_SECONDS = 60.0


def check_installed(module: str) -> None:
    """Raise InvalidInput where a client library, which an extra of its name brings, is not installed."""
    found = find_spec(module)
    # A directory of that name has no origin.
    if found is None or found.origin is None:
        raise InvalidInput("backend", module, f"the extra {module}: pip install 'trackstream[{module}]'")


def docker_host() -> str:
    """Return where Docker is looked for."""
    return os.environ.get("DOCKER_HOST") or _DEFAULT_HOST


def connect(host: str | None = None, *, timeout: float | None = _TIMEOUT_SECONDS) -> Any:
    """Return a docker-py APIClient for the Docker of this environment, or of `host`.

    Raises EnvironmentFailed where it does not answer, and says what to do.
    """
    check_installed("docker")
    import docker

    where = host or docker_host()
    try:
        settings = {**docker.utils.kwargs_from_env(), "base_url": where}
        return docker.APIClient(version="auto", timeout=timeout, **settings)
    except docker_errors(ImportError, OSError, ValueError) as error:
        raise EnvironmentFailed(
            f"Docker does not answer at {without_credentials(where)} ({_said(error)}): start it, or name"
            " another in DOCKER_HOST, and see with `docker info` that this user may use it; with"
            " --env-manager local the program runs without a container"
        ) from error


def docker_errors(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the classes of errors that docker-py raises, and `others`."""
    import docker
    import requests  # type: ignore[import-untyped,unused-ignore]
    import urllib3

    return (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError, *others)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raise errors of Docker within the block as EnvironmentFailed, beginning with `what`."""
    try:
        yield
    except docker_errors() as error:
        raise EnvironmentFailed(f"{what}: {_said(error)}") from error


def progress(lines: Iterator[dict[str, Any]], what: str, tools: Tools) -> dict[str, Any]:
    """Follow a pull, build or push to its end and return what it tells beside (`aux`).

    Raises EnvironmentFailed where it fails, LaunchCancelled.
    """
    found: dict[str, Any] = {}
    for line in lines:
        tools.check()
        if "error" in line:
            raise EnvironmentFailed(f"{what}: {without_credentials(str(line['error']).strip())}")
        found.update(line.get("aux") or {})
        # Bars that grow are for terminals.
        text = line.get("stream") or ("" if line.get("progressDetail") else line.get("status")) or ""
        if text.strip():
            tools.say(f"{line['id']}: {text.strip()}" if "id" in line else text.strip())
    return found


def _said(error: Exception) -> str:
    return without_credentials(str(getattr(error, "explanation", None) or error))
