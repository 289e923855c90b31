"""Images that programs run in: local, pulled, or built with the project's files in them.

MLflow builds an image FROM the one that is named, with the project copied to `container_arguments.CODE`
(mlflow.projects.docker.build_docker_image). Here its tag is the hash of what went into it, so that the same
project on the same image is built once, and it is never another's.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends.container_arguments import CODE, PROJECT_LABEL
from trackstream.projects.backends.docker_client import progress, told
from trackstream.projects.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.project_file import Project

_LAYOUT = "1"
"""Changes when images are built in another way."""
_TAG_LENGTH = 24
_ALWAYS_LEFT_OUT = ".git"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that Docker here has."""

    reference: str
    id: str
    has_code: bool = False
    """Whether the project was copied to CODE, its working directory."""


def named_image(client: Any, reference: str, tools: Tools) -> Image:
    """Return an image by its name, pulled where it is not here. Raises EnvironmentFailed, LaunchCancelled."""
    import docker

    try:
        with told(f"the image {reference} cannot be looked up"):
            return Image(reference, str(client.inspect_image(reference)["Id"]))
    except EnvironmentFailed as error:
        if not isinstance(error.__cause__, docker.errors.NotFound):
            raise
    tools.say(f"pulling the image {reference}")
    failed = f"the image {reference} of the docker_env is not here and cannot be pulled"
    repository, tag = docker.utils.parse_repository_tag(reference)
    with told(failed):
        progress(client.pull(repository, tag=tag or "latest", stream=True, decode=True), failed, tools)
        return Image(reference, str(client.inspect_image(reference)["Id"]))


def built_from_dockerfile(
    client: Any, project: Project, dockerfile: Path, folder: Path, tools: Tools
) -> Image:
    """Return the image that a Dockerfile of the project describes, with the project as its context."""
    inner = dockerfile.resolve().relative_to(project.directory.resolve())
    context = folder / "dockerfile-context.tar"
    _write_context(context, project.directory, "", {}, inner)
    try:
        tag = _tag(context, str(inner))
        reference = f"{image_name(project.name)}-base:{tag}"
        return _built(client, context, reference, str(inner), project, tools)
    finally:
        context.unlink(missing_ok=True)


def with_project(
    client: Any, base: Image, project: Project, repository: str | None, folder: Path, tools: Tools
) -> Image:
    """Return an image with the project's files in it, under `repository` (default: the project's name)."""
    text = f"FROM {base.reference}\nCOPY project/ {CODE}/\nWORKDIR {CODE}\n"
    context = folder / "project-context.tar"
    _write_context(context, project.directory, "project/", {"Dockerfile": text.encode()})
    try:
        reference = f"{repository or image_name(project.name)}:{_tag(context, base.id)}"
        built = _built(client, context, reference, "Dockerfile", project, tools)
    finally:
        context.unlink(missing_ok=True)
    return Image(built.reference, built.id, True)


def image_name(project: str) -> str:
    """Return a project's name as Docker allows it for a repository: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:100].strip("-") or "project"


def pushed(client: Any, image: Image, tools: Tools) -> str:
    """Push an image and return it with its digest. Raises EnvironmentFailed, LaunchCancelled."""
    import docker

    repository, tag = docker.utils.parse_repository_tag(image.reference)
    failed = f"the image {image.reference} cannot be pushed"
    tools.say(f"pushing the image {image.reference}")
    registry, _ = docker.auth.resolve_repository_name(repository)
    # The API wants credentials with every push, if only empty ones.
    credentials = docker.auth.load_config().resolve_authconfig(registry) or {}
    with told(failed):
        lines = client.push(repository, tag=tag, stream=True, decode=True, auth_config=credentials)
        facts = progress(lines, failed, tools)
    if "Digest" not in facts:
        raise EnvironmentFailed(f"{failed}: the registry named no digest")
    return f"{image.reference}@{facts['Digest']}"


def _built(
    client: Any, context: Path, reference: str, dockerfile: str, project: Project, tools: Tools
) -> Image:
    import docker

    failed = f"the image {reference} cannot be built"
    with told(failed):
        try:
            return Image(reference, str(client.inspect_image(reference)["Id"]))
        except docker.errors.NotFound:
            tools.say(f"building the image {reference}")
        with context.open("rb") as file:
            lines = client.build(
                fileobj=file,
                custom_context=True,
                tag=reference,
                dockerfile=dockerfile,
                rm=True,
                forcerm=True,
                labels={PROJECT_LABEL: project.name},
                decode=True,
            )
            progress(lines, failed, tools)
        return Image(reference, str(client.inspect_image(reference)["Id"]))


def _tag(context: Path, base: str) -> str:
    with context.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(f"{_LAYOUT} {base} {content}".encode()).hexdigest()[:_TAG_LENGTH]


def _write_context(
    path: Path, root: Path, prefix: str, texts: dict[str, bytes], dockerfile: Path | None = None
) -> None:
    """Write files of a project as an archive whose bytes depend on nothing but their names and contents."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(texts.items()):
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(content), 0o644
            archive.addfile(about, io.BytesIO(content))
        for name in _project_files(root, dockerfile):
            about = archive.gettarinfo(str(root / name), f"{prefix}{name}")
            about.mtime, about.uid, about.gid, about.uname, about.gname = 0, 0, 0, "", ""
            # What the launcher's umask leaves differs; what can be executed does not.
            about.mode = 0o755 if about.isdir() or about.mode & 0o100 else 0o644
            if about.islnk():
                about.type, about.linkname = tarfile.REGTYPE, ""
                about.size = (root / name).stat().st_size
            if about.isreg():
                with (root / name).open("rb") as file:
                    archive.addfile(about, file)
            else:
                archive.addfile(about)


def _project_files(root: Path, dockerfile: Path | None) -> Iterator[str]:
    """Yield files, directories and links, but for those that .dockerignore leaves out, and git's."""
    import docker

    patterns = [_ALWAYS_LEFT_OUT]
    ignored = root / ".dockerignore"
    if ignored.is_file():
        lines = ignored.read_text(encoding="utf-8", errors="replace").splitlines()
        patterns += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    kept = docker.utils.exclude_paths(str(root), patterns, dockerfile=str(dockerfile or "Dockerfile"))
    for name in sorted(kept):
        path = root / name
        if path.is_symlink() or path.is_dir() or path.is_file():
            yield name
