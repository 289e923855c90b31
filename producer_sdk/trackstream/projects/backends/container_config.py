"""Settings that both backends with containers know, and the image that a project runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream.projects.backends.docker_image import built_from_dockerfile, named_image, with_project
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream.projects.backends.docker_image import Image
    from trackstream.projects.backends.port import Work
    from trackstream.projects.environments.tools import Tools


def check_config(config: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise InvalidInput for a setting that is not known, or of another type."""
    for name, value in config.items():
        if name not in known:
            raise InvalidInput(f"backend config {name}", value, f"one of {', '.join(known)}")
        if name == "build-image":
            if not isinstance(value, bool):
                raise InvalidInput(f"backend config {name}", value, "true or false")
        elif not isinstance(value, str) or not value.strip() or "\n" in value:
            raise InvalidInput(f"backend config {name}", value, "a text")
        elif name in ("image", "repository-uri") and any(map(str.isspace, value)):
            raise InvalidInput(f"backend config {name}", value, "a name of an image, without spaces")
    uri = config.get("tracking-uri")
    if uri is not None and "://" not in uri:
        raise InvalidInput("backend config tracking-uri", uri, "an address, such as http://host:5000")


def builds(work: Work) -> bool:
    """Whether the project's files are put into an image of their own, rather than the image used as it is."""
    return bool(work.request.backend_config.get("build-image", True))


def named_reference(work: Work) -> str | None:
    """Return the image that config or project name, or None where it is built from a Dockerfile.

    Raises InvalidInput where there is neither.
    """
    given = work.request.backend_config.get("image")
    if given is not None:
        return str(given)
    docker = work.project.docker
    if docker is not None:
        return docker.image or None
    if not (work.project.directory / "Dockerfile").is_file():
        right = "a docker_env in the MLproject, a Dockerfile beside it, or an image in the backend config"
        raise InvalidInput("image", None, right)
    return None


def image_for(client: Any, work: Work, repository: str | None, tools: Tools) -> Image:
    """Return the image that the program runs in, under `repository` where it is built with the project.

    Raises EnvironmentFailed, InvalidInput, LaunchCancelled.
    """
    project, folder = work.project, work.folder
    if project.environment is not None:
        tools.say(f"{project.environment.path.name} is not used: what the program needs is in its image")
    reference = named_reference(work)
    if reference is not None:
        base = named_image(client, reference, tools)
    else:
        docker = project.docker
        dockerfile = docker.dockerfile if docker is not None and docker.dockerfile is not None else None
        base = built_from_dockerfile(
            client, project, dockerfile or project.directory / "Dockerfile", folder, tools
        )
    return with_project(client, base, project, repository, folder, tools) if builds(work) else base
