"""The backends by name: those that are built in and those that plugins bring."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream.projects.backends.port import Backend
    from trackstream.projects.project_file import Project
    from trackstream.projects.request import Request

GROUP = "trackstream.project_backends"
_BUILT_IN = {
    "local": "trackstream.projects.backends.local:LocalBackend",
    "docker": "trackstream.projects.backends.docker:DockerBackend",
    "kubernetes": "trackstream.projects.backends.kubernetes:KubernetesBackend",
}


def backend_named(name: str) -> Backend:
    """Return a backend. Raises InvalidInput, which lists those that there are."""
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        return cast("Backend", getattr(import_module(module), attribute)())
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(sorted({*_BUILT_IN, *found}))
        raise InvalidInput("backend", name, f"one of {known}; plugins add to the entry points {GROUP}")
    return cast("Backend", found[name].load()())


def backend_for(request: Request, project: Project) -> Backend:
    """Return what executes a request: a project with a docker_env that is launched here goes into Docker.

    As MLflow does it; `--env-manager local` runs it without.
    """
    if request.backend == "local" and project.docker is not None and request.env_manager != "local":
        return backend_named("docker")
    return backend_named(request.backend)
