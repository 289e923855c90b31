"""Projects in git repositories, through the `git` command.

Nothing of a repository is executed: no hooks, no submodules, no transports that are programs; git asks nobody
for a password. Trees are kept by commit in a cache, so that a second launch of a commit fetches nothing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream.projects.errors import EnvironmentFailed, ProjectNotFound
from trackstream.projects.file_lock import taken
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream.projects.environments.tools import Tools

_SAFE = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh:git+ssh",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TEMPLATE_DIR": "",
    "GCM_INTERACTIVE": "never",
    "GIT_LFS_SKIP_SMUDGE": "1",
}
_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_READY = "trackstream-ready"
"""File in the .git directory of a whole tree."""


def is_repository(path: Path) -> bool:
    """Whether a directory is a git repository, with or without a tree."""
    return (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())


def repository_of(directory: Path) -> Path | None:
    """Return the top of the git tree that a directory is part of."""
    # Where it is, not where a link or `..` on the way to it is.
    absolute = directory.resolve()
    return next((place for place in (absolute, *absolute.parents) if (place / ".git").exists()), None)


def files_of(directory: Path, tools: Tools) -> list[str]:
    """Return what git tracks in a directory, or would if it were asked to: what it does not ignore.

    Repositories inside are names of directories. What is tracked may have been deleted.
    """
    chosen = ("--cached", "--others", "--exclude-standard", "-z")
    listed = answer(tools, "ls-files", *chosen, cwd=directory)
    return sorted({name for name in listed.split("\0") if name})


def check_out(url: str, version: str | None, place: Path, cache: Path, tools: Tools) -> str:
    """Put the tree of a version (default: the newest of the main branch) into `place` and return its commit.

    Raises ProjectNotFound for a repository or version that is not there, EnvironmentFailed, LaunchCancelled.
    """
    if shutil.which("git") is None:
        raise EnvironmentFailed("a project in a git repository needs git, which is not installed here")
    commit = _resolved(url, version, tools)
    trees = cache / hashlib.sha256(url.encode()).hexdigest()[:20]
    trees.mkdir(parents=True, exist_ok=True)
    with _locked(trees / f"{commit or 'unknown'}.lock", tools):
        if commit is None:
            assert version is not None
            commit = _fetched_by_name(url, version, trees, tools)
        tree = trees / commit
        if not (tree / ".git" / _READY).exists():
            shutil.rmtree(tree, ignore_errors=True)
            tools.say(f"fetching {commit[:12]} of {without_credentials(url)}")
            _fetch(url, commit, tree, tools)
            (tree / ".git" / _READY).touch()
    # A program may write beside its files; the cache stays as it was fetched.
    shutil.copytree(tree, place, symlinks=True, dirs_exist_ok=True)
    return commit


def _resolved(url: str, version: str | None, tools: Tools) -> str | None:
    """Return the commit of a version as the repository tells, or None for the beginning of a commit's
    name.
    """
    if version is not None and _COMMIT.fullmatch(version):
        return version
    wanted = (
        ["HEAD"]
        if version is None
        else [f"refs/tags/{version}^{{}}", f"refs/tags/{version}", f"refs/heads/{version}"]
    )
    shown = without_credentials(url)
    try:
        listed = answer(tools, "ls-remote", "--", url)
    except EnvironmentFailed as error:
        raise ProjectNotFound(f"git cannot read the repository {shown}: {error}") from error
    refs = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
    for name in wanted:
        if name in refs:
            return refs[name]
    if version is not None and _SHORT_COMMIT.fullmatch(version):
        return None
    what = "commits" if version is None else f"commit, tag or branch {version!r}"
    raise ProjectNotFound(f"the repository {shown} has no {what}")


def _fetch(url: str, commit: str, tree: Path, tools: Tools) -> None:
    tree.mkdir(parents=True)
    _run(tools, "init", "--quiet", cwd=tree)
    try:
        _run(tools, "fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, commit, cwd=tree)
    except EnvironmentFailed:
        # Not every server gives a commit that no branch points at by itself.
        tools.say("the server does not give single commits: fetching all branches")
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _run(tools, "fetch", "--quiet", "--", url, *refs, cwd=tree)
    try:
        _run(tools, "checkout", "--quiet", "--detach", commit, cwd=tree)
    except EnvironmentFailed as error:
        raise ProjectNotFound(f"the repository {without_credentials(url)} has no commit {commit}") from error


def _fetched_by_name(url: str, beginning: str, trees: Path, tools: Tools) -> str:
    """Return the commit whose name begins so; needs the whole history."""
    history = trees / "history"
    shutil.rmtree(history, ignore_errors=True)
    history.mkdir()
    try:
        _run(tools, "init", "--quiet", "--bare", cwd=history)
        _run(tools, "fetch", "--quiet", "--", url, "+refs/*:refs/*", cwd=history)
        return answer(tools, "rev-parse", "--verify", f"{beginning}^{{commit}}", cwd=history).strip()
    except EnvironmentFailed as error:
        raise ProjectNotFound(f"{without_credentials(url)} has no one version {beginning!r}") from error
    finally:
        shutil.rmtree(history, ignore_errors=True)


def _run(tools: Tools, *command: str, cwd: Path) -> None:
    tools.answer(["git", *_OPTIONS, *command], cwd, _SAFE)


def answer(tools: Tools, *command: str, cwd: Path | None = None) -> str:
    """Return what a git command prints, with nothing executed. Raises EnvironmentFailed, LaunchCancelled."""
    return tools.answer(["git", *_OPTIONS, *command], cwd, _SAFE)


@contextmanager
def _locked(path: Path, tools: Tools) -> Iterator[None]:
    with path.open("w") as lock:
        while not taken(lock):
            tools.pause()
        yield
