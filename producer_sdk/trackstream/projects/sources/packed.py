"""A local directory as an artifact, for launches that other machines execute.

The archive holds the directory's files and `source.json`, which says where they came from. The same files
make the same archive, which the store keeps once.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import stat
import tarfile
from typing import IO, TYPE_CHECKING, Any, Self, cast

from trackstream.projects.errors import EnvironmentFailed
from trackstream.projects.sources import archive
from trackstream.projects.sources.download import downloader
from trackstream.projects.sources.packed_files import chosen_files
from trackstream.projects.sources.source import Fetched
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.sources.packed_files import PackedFile

NAME = "project.tar.gz"
_SOURCE = "source.json"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_CHANGING = "files that do not change while they are packed"


def pack(found: Fetched, target: Path, tools: Tools, store: Path | None = None) -> Sequence[str]:
    """Write a project's files into the archive `target`; returns names of secrets that are left out.

    Left out are also caches, environments, stores (`store` is the directory of the one in use) and what git
    ignores. Raises what `chosen_files` does.
    """
    name = re.sub(r"[^\w.\- ]", "_", found.directory.resolve().name) or "project"
    chosen = chosen_files(found.directory, tools, store)
    source = {"source": found.source, "commit": found.commit, "dirty": found.dirty}
    with (
        target.open("wb") as file,
        # Without a time and a name in its header: equal contents are equal archives.
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out,
    ):
        described = json.dumps(source).encode()
        out.addfile(_member(_SOURCE, len(described), 0o644), io.BytesIO(described))
        directory = tarfile.TarInfo(name)
        directory.type, directory.mode = tarfile.DIRTYPE, 0o755
        out.addfile(directory)
        for one in chosen.files:
            with _Content(one) as content:
                member = _member(f"{name}/{one.name}", one.size, 0o755 if one.executable else 0o644)
                out.addfile(member, cast("IO[bytes]", content))
    return chosen.secrets


def fetch(uri: str, place: Path, server: str | None) -> Fetched:
    """Bring the files that `pack` has packed, an artifact of the store at the address `server`, into `place`.

    Without `server` the one that MLFLOW_TRACKING_URI names is asked. Raises EnvironmentFailed where there is
    none or it does not answer, NotFound, and InvalidInput for what is no such archive.
    """
    known = os.environ.get("MLFLOW_TRACKING_URI", "")
    address = server or (known if known.startswith(("http://", "https://")) else None)
    if address is None:
        raise EnvironmentFailed(
            f"{uri} comes from a Trackstream server: set MLFLOW_TRACKING_URI to the address of one on the log"
        )
    brought = downloader(place.with_name("packed"), address)(uri, 0)
    archive.unpack(str(brought), place)
    brought.unlink()
    source = _source_of(place / _SOURCE)
    directories = [path for path in place.iterdir() if path.is_dir()]
    if len(directories) != 1:
        raise InvalidInput("project archive", uri, "one directory beside source.json")
    commit, dirty = source.get("commit"), source.get("dirty")
    return Fetched(
        directories[0],
        directories[0],
        str(source.get("source", uri)),
        commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None,
        dirty if isinstance(dirty, bool) else None,
    )


def _source_of(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInput("project archive", str(path.name), "where the files came from, as JSON") from error
    if not isinstance(found, dict):
        raise InvalidInput("project archive", str(path.name), "a JSON object")
    return found


def _member(name: str, size: int, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, mode
    return member


class _Content:
    """A file's bytes, as many as there were when it was chosen. Raises InvalidInput for others."""

    def __init__(self, file: PackedFile) -> None:
        self._path = file.path
        try:
            # What has become a pipe or a link since neither blocks nor leads elsewhere.
            number = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            self._file = os.fdopen(number, "rb")
        except OSError as error:
            raise self._refusal(f"files that can be read ({error.strerror})") from error
        state = os.fstat(number)
        if not stat.S_ISREG(state.st_mode) or state.st_size != file.size:
            self._file.close()
            raise self._refusal(_CHANGING)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        try:
            found = self._file.read(size)
        except OSError as error:
            raise self._refusal(f"files that can be read ({error.strerror})") from error
        if len(found) < size:
            raise self._refusal(_CHANGING)
        return found

    def _refusal(self, right: str) -> InvalidInput:
        return InvalidInput("project", str(self._path), right)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
