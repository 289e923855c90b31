"""Which files of a directory travel to the workers of a queue: no caches, stores or secrets, nothing outside.

What is sent lies on the log for good. So in a git tree it is what git tracks, or would; what it ignores stays
here.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.projects.sources import git
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.sqlite_layout import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trackstream.projects.environments.tools import Tools

MAX_BYTES = 64 << 20
MAX_FILES = 10_000
INSTEAD = (
    "; or name a git repository or an archive that the workers can reach, or file://… for a directory that"
    " all of them share"
)
_LEFT_OUT = frozenset(
    {
        ".git",
        "__pycache__",
        ".venv",
        "venv",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
        "node_modules",
        "mlruns",
        "trackstream-data",
    }
)
_SECRET = (
    ".env",
    ".env.*",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
)
_NO_SECRET = (".env.example", ".env.sample", ".env.template", "*.pub")


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file that is sent."""

    name: str
    """Within the project."""
    path: Path
    """What is read: for a link what it names."""
    size: int
    """Bytes."""
    executable: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is sent, and what is not although somebody may miss it."""

    files: Sequence[PackedFile]
    secrets: Sequence[str]


def chosen_files(directory: Path, tools: Tools, store: Path | None = None) -> Chosen:
    """Return which files of a project are sent; `store` is the directory of the store in use.

    Raises InvalidInput for more than MAX_FILES files or MAX_BYTES, for links to anything but files that are
    sent, and for what is no file; EnvironmentFailed where the project is in a git tree that git cannot read.
    """
    root = directory.resolve()
    sieve = _Sieve(root, None if store is None else store.resolve())
    if sieve.is_store(root):
        raise InvalidInput("project", str(directory), f"a directory that is not itself a store{INSTEAD}")
    names = [] if git.repository_of(root) is None else list(_listed(root, "", tools))
    # Nothing at all: the project is in a directory that the tree around it ignores.
    entries = names or _walked(root, sieve)
    files: dict[str, PackedFile] = {}
    links: list[str] = []
    left = MAX_BYTES
    for name in entries:
        if not sieve.passes(name):
            continue
        found = _lstat(root / name)
        if found is None:
            continue
        if stat.S_ISLNK(found.st_mode):
            links.append(name)
        elif not stat.S_ISREG(found.st_mode):
            raise InvalidInput("project", str(root / name), f"nothing but files and directories{INSTEAD}")
        else:
            files[name] = PackedFile(name, root / name, found.st_size, bool(found.st_mode & 0o100))
            left -= found.st_size
        _check_amount(directory, left, len(files) + len(links))
    for name in links:
        file = _linked(root, name, files)
        left -= file.size
        _check_amount(directory, left, len(files) + 1)
        files[name] = file
    return Chosen([files[name] for name in sorted(files)], sorted(sieve.secrets))


@dataclass(slots=True)
class _Sieve:
    """Says which names are kept, and notes the secrets among the others."""

    root: Path
    store: Path | None
    secrets: set[str] = field(default_factory=set)
    _directories: dict[str, bool] = field(default_factory=lambda: {"": True})

    def passes(self, name: str) -> bool:
        """Whether a file or link is kept."""
        parent, _, base = name.rpartition("/")
        if not self.enters(parent) or base in _LEFT_OUT or self.is_store(self.root / name):
            return False
        return not self._is_secret(name, base)

    def enters(self, name: str) -> bool:
        """Whether anything in a directory is kept."""
        if name not in self._directories:
            parent, _, base = name.rpartition("/")
            self._directories[name] = (
                self.enters(parent)
                and base not in _LEFT_OUT
                and not self.is_store(self.root / name)
                and not self._is_secret(f"{name}/", base)
            )
        return self._directories[name]

    def is_store(self, path: Path) -> bool:
        """Whether this is a store's directory, under whatever name."""
        if not (path / FILE_NAME).is_file():
            return False
        return (path / "engine").is_dir() or path.resolve() == self.store

    def _is_secret(self, name: str, base: str) -> bool:
        lower = base.lower()
        if not _fits(lower, _SECRET) or _fits(lower, _NO_SECRET):
            return False
        self.secrets.add(name)
        return True


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _listed(root: Path, inner: str, tools: Tools) -> Iterator[str]:
    """Yield what git tracks or would; of repositories inside, too."""
    for name in git.files_of(root / inner, tools):
        path = f"{inner}{name}".rstrip("/")
        if (root / path).is_dir() and not (root / path).is_symlink():
            if (root / path / ".git").exists():
                yield from _listed(root, f"{path}/", tools)
        else:
            yield path


def _walked(root: Path, sieve: _Sieve) -> Iterator[str]:
    """Yield all that lies in a directory; links to directories are not followed."""

    def refuse(error: OSError) -> None:
        raise _unreadable(Path(str(error.filename)), error)

    for place, directories, files in os.walk(root, onerror=refuse):
        inner = Path(place).relative_to(root)
        linked = [name for name in directories if Path(place, name).is_symlink()]
        directories[:] = sorted(
            name for name in directories if name not in linked and sieve.enters((inner / name).as_posix())
        )
        yield from ((inner / name).as_posix() for name in sorted([*files, *linked]))


def _lstat(path: Path) -> os.stat_result | None:
    """Return what a name stands for; None for what git tracks and somebody has deleted."""
    try:
        return path.lstat()
    except FileNotFoundError:
        if "\N{REPLACEMENT CHARACTER}" in str(path):
            raise InvalidInput("project", str(path), f"names of files in UTF-8{INSTEAD}") from None
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def _linked(root: Path, name: str, files: dict[str, PackedFile]) -> PackedFile:
    """Return a link as the file that it names, which must be sent itself."""
    link = root / name
    right = f"no links but to files of the project that are sent{INSTEAD}"
    try:
        target = link.resolve(strict=True).relative_to(root).as_posix()
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput("project", str(link), right) from error
    file = files.get(target)
    if file is None or file.path != root / target:
        raise InvalidInput("project", str(link), right)
    return PackedFile(name, file.path, file.size, file.executable)


def _check_amount(directory: Path, left: int, number: int) -> None:
    if left < 0 or number > MAX_FILES:
        what = f"at most {MAX_FILES} files of {MAX_BYTES >> 20} MiB to be sent to a queue{INSTEAD}"
        raise InvalidInput("project", str(directory), what)


def _unreadable(path: Path, error: OSError) -> InvalidInput:
    return InvalidInput("project", str(path), f"files that can be read ({error.strerror})")
