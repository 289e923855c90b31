"""Whether a tree is what its commit says. Stores and what Python keeps of modules make no difference."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.projects.sources import git
from trackstream_schemas.sqlite_layout import FILE_NAME

if TYPE_CHECKING:
    from trackstream.projects.environments.tools import Tools

_NOT_CACHES = (".", ":(exclude,glob)**/__pycache__/**")
_BESIDE_A_LOG = frozenset({"blobs", "uploads"})


@dataclass(frozen=True, slots=True)
class TreeState:
    """A tree as git sees it."""

    commit: str
    changed: str | None
    """The first file of the whole tree that differs or is not in the commit, from the top of the tree."""


def state_of(directory: Path, repository: Path, tools: Tools) -> TreeState | None:
    """Return the state of the tree at `repository` that a directory is part of.

    None where git tracks nothing in the directory, as where it ignores it: no commit says what is there. The
    whole tree counts, since a program may import what lies beside it. Raises EnvironmentFailed.
    """
    commit = git.answer(tools, "rev-parse", "--verify", "HEAD", cwd=directory).strip()
    if not git.answer(tools, "ls-files", "-z", "--", ".", cwd=directory):
        return None
    how = ("--porcelain", "-z", "--untracked-files=normal")
    status = git.answer(tools, "status", *how, "--", *_NOT_CACHES, cwd=repository)
    return TreeState(commit, _first_change(repository, status))


def holds(repository: Path, path: Path, tools: Tools) -> bool:
    """Whether the commit at `repository` has a file, or all of a directory, as it is. Raises
    EnvironmentFailed.
    """
    found, top = path.resolve(), repository.resolve()
    if not found.is_relative_to(top):
        return False
    name = f":(literal){found.relative_to(top).as_posix()}"
    if not git.answer(tools, "ls-files", "-z", "--", name, cwd=top):
        return False
    how = ("--porcelain", "-z", "--untracked-files=all", "--ignored=matching")
    return not git.answer(tools, "status", *how, "--", name, cwd=top)


def _first_change(repository: Path, status: str) -> str | None:
    for entry in status.split("\0"):
        state, name = entry[:2], entry[3:]
        if not name:
            continue
        if state != "??" or not name.endswith("/"):
            return name
        inner = _first_file(repository / name)
        if inner is not None:
            return inner.relative_to(repository).as_posix()
    return None


def _first_file(directory: Path) -> Path | None:
    for place, names, files in os.walk(directory):
        if _is_store(Path(place)):
            names.clear()
            continue
        found = sorted([*files, *(name for name in names if Path(place, name).is_symlink())])
        if found:
            return Path(place, found[0])
        names[:] = sorted(name for name in names if name != "__pycache__")
    return None


def _is_store(directory: Path) -> bool:
    if not (directory / FILE_NAME).is_file():
        return False
    # One that nobody has read yet has no engine.
    return (directory / "engine").is_dir() or all(
        path.name in _BESIDE_A_LOG or path.name.startswith(FILE_NAME) or path.suffix == ".lock"
        for path in directory.iterdir()
    )
