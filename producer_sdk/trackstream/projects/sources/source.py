"""Where a project is and how its files come here.

./digits, /data/digits, file:///data/digits           a directory, used where it is
https://host/repo.git, ssh://…, git@host:repo          a git repository
file:///data/repo (with .git), github:owner/repo       likewise
/data/project.zip, https://host/project.tar.gz         an archive
…#examples/digits                                      a directory inside of it
runs:/RUN_ID/launches/LAUNCH_ID/project.tar.gz         a directory that was sent to a queue (`packed`)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from trackstream.projects.errors import EnvironmentFailed, ProjectNotFound
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from trackstream.projects.environments.tools import Tools

Kind = Literal["directory", "git", "archive", "packed"]
_RIGHT = (
    "a directory, a git repository (https://…, ssh://…, git@host:…, file://…, github:owner/repo) or an"
    " archive (.zip, .tar.gz), perhaps with #subdirectory"
)
_SCP = re.compile(r"[\w.\-]+@[\w.\-]+:(?!/)[^\s]+")
_GITHUB = re.compile(r"(?:github:|gh:|github\.com/)([\w.\-]+)/([\w.\-]+?)(?:\.git)?/?")
_VERSION = re.compile(r"[\w][\w./@+~^\-]{0,250}", re.ASCII)
_ARCHIVES = (".zip", ".tar.gz", ".tgz")
_PACKED = re.compile(r"runs:/[0-9a-zA-Z_\-]+/launches/[0-9a-zA-Z_\-]+/project\.tar\.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """A project's URI as it was understood."""

    kind: Kind
    location: str
    """An absolute directory or file, or a URL; may hold credentials."""
    subdirectory: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A project's files."""

    directory: Path
    """Where the project is."""
    root: Path
    """The tree that it is a part of; the same, or above."""
    source: str
    """Without credentials."""
    commit: str | None = None
    dirty: bool | None = None
    """Whether the tree differs from the commit."""
    changed: str | None = None
    """The first file that does."""


def parse_uri(uri: str, cwd: Path | None = None) -> Source:
    """Return what a URI names; relative directories are those of `cwd`. Raises InvalidInput."""
    if not isinstance(uri, str) or not uri.strip() or any(ord(character) < 32 for character in uri):
        raise InvalidInput("project URI", uri, _RIGHT)
    if uri.startswith("-"):
        raise InvalidInput("project URI", uri, f"{_RIGHT}; it must not begin with a dash")
    base = cwd or Path.cwd()
    if not _is_url(uri) and (base / Path(uri).expanduser()).is_dir():
        return Source("directory", str(_absolute(base / Path(uri).expanduser())))
    # The last one: a directory's own name may have one too.
    location, _, subdirectory = uri.rpartition("#") if "#" in uri else (uri, "", "")
    if subdirectory:
        _check_subdirectory(uri, subdirectory)
    return replace(_located(uri, location, base), subdirectory=subdirectory)


def check_version(version: str | None) -> None:
    """Raise InvalidInput for what can be no commit, tag or branch."""
    if version is not None and (not _VERSION.fullmatch(version) or ".." in version):
        raise InvalidInput("version", version, "a commit, tag or branch")


def at_hand(source: Source, version: str | None) -> tuple[Path, Path] | None:
    """Return a project's directory and the tree that it is a part of, where its files need not be fetched.

    Raises InvalidInput and ProjectNotFound for a subdirectory.
    """
    if source.kind != "directory" or version is not None:
        return None
    from trackstream.projects.sources import git

    directory = Path(source.location)
    found = Fetched(directory, git.repository_of(directory) or directory, source.location)
    inner = _inside(found, source.subdirectory)
    return inner.directory, inner.root


def fetch(
    source: Source,
    version: str | None,
    place: Path,
    cache: Path,
    tools: Tools,
    server: str | None = None,
) -> Fetched:
    """Bring a project's files here: those of a directory stay where they are, others are put into `place`.

    Repositories are kept in `cache` by commit; `server` has those that were packed. Raises ProjectNotFound,
    InvalidInput, EnvironmentFailed where git or a download fails, LaunchCancelled.
    """
    from trackstream.projects.sources import archive, git

    check_version(version)
    shown = without_credentials(source.location)
    if source.kind == "git":
        commit = git.check_out(source.location, version, place, cache, tools)
        found = Fetched(place, place, shown, commit, False)
    elif version is not None and not (
        source.kind == "directory" and git.repository_of(Path(source.location))
    ):
        raise InvalidInput("version", version, "none: only git repositories have versions")
    elif source.kind == "packed":
        from trackstream.projects.sources import packed

        found = tools.awaited(lambda: packed.fetch(source.location, place, server))
    elif source.kind == "archive":
        root = tools.awaited(lambda: archive.unpack(source.location, place))
        found = Fetched(root, root, shown)
    else:
        found = _directory(Path(source.location), version, place, cache, tools)
    return _inside(found, source.subdirectory)


def _directory(directory: Path, version: str | None, place: Path, cache: Path, tools: Tools) -> Fetched:
    from trackstream.projects.sources import git, tree_state

    repository = git.repository_of(directory)
    if version is not None and repository is not None:
        # Another version than the one that lies there is not for us to check out in somebody's tree.
        commit = git.check_out(repository.as_uri(), version, place, cache, tools)
        inner = directory.resolve().relative_to(repository.resolve())
        return _inside(Fetched(place, place, str(directory), commit, False), str(inner))
    if repository is None:
        return Fetched(directory, directory, str(directory))
    try:
        state = tree_state.state_of(directory, repository, tools)
    except EnvironmentFailed as error:
        # No commit yet, or not ours to read: the project can be launched all the same.
        tools.say(f"git tells nothing of {directory}: {error}")
        return Fetched(directory, directory, str(directory))
    if state is None:
        return Fetched(directory, repository, str(directory))
    dirty = state.changed is not None
    return Fetched(directory, repository, str(directory), state.commit, dirty, state.changed)


def _inside(found: Fetched, subdirectory: str) -> Fetched:
    directory = found.directory / subdirectory if subdirectory not in ("", ".") else found.directory
    if not directory.resolve().is_relative_to(found.root.resolve()):
        raise InvalidInput("subdirectory", subdirectory, "a directory inside the project's tree")
    if not directory.is_dir():
        raise ProjectNotFound(f"there is no directory {subdirectory!r} in {found.source}")
    return replace(found, directory=directory)


def _absolute(path: Path) -> Path:
    # What a link is called stays, but `..` may lead elsewhere than it reads.
    return path.resolve() if ".." in path.parts else path.absolute()


def _is_url(uri: str) -> bool:
    return "://" in uri.partition("#")[0]


def _check_subdirectory(uri: str, subdirectory: str) -> None:
    if subdirectory.startswith(("/", "-")) or "\\" in subdirectory or ".." in subdirectory.split("/"):
        raise InvalidInput("project URI", uri, "a #subdirectory inside the project's tree")


def _located(uri: str, location: str, base: Path) -> Source:
    if _PACKED.fullmatch(location):
        return Source("packed", location)
    if github := _GITHUB.fullmatch(location):
        return Source("git", f"https://github.com/{github[1]}/{github[2]}.git")
    if not _is_url(location):
        path = _absolute(base / Path(location).expanduser())
        if path.is_dir():
            return Source("directory", str(path))
        if path.is_file() and location.endswith(_ARCHIVES):
            return Source("archive", str(path))
        if _SCP.fullmatch(location):
            return Source("git", location)
        if "::" in location:
            raise InvalidInput("project URI", uri, _RIGHT)
        raise ProjectNotFound(f"there is no project at {path}; a project URI is {_RIGHT}")
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
    except ValueError as error:
        raise InvalidInput("project URI", uri, _RIGHT) from error
    if host.startswith("-") or (parts.username or "").startswith("-") or parts.path.startswith("-"):
        raise InvalidInput(
            "project URI", without_credentials(uri), f"{_RIGHT}, with a host that has no dash first"
        )
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost"):
            path = Path(unquote(parts.path))
            if path.is_file() and path.name.endswith(_ARCHIVES):
                return Source("archive", str(path))
            if not path.is_dir():
                raise ProjectNotFound(f"there is no project at {path}")
            from trackstream.projects.sources.git import is_repository

            return Source(
                "git" if is_repository(path) else "directory", location if is_repository(path) else str(path)
            )
        case "http" | "https" if host and parts.path.endswith(_ARCHIVES):
            return Source("archive", location)
        case "http" | "https" | "ssh" | "git" | "git+ssh" if host:
            return Source("git", location)
        case _:
            raise InvalidInput("project URI", without_credentials(uri), _RIGHT)
