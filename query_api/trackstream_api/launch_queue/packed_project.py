"""What can be launched from a directory that was sent to a queue, read from its archive in the store."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, cast

from trackstream.projects.project_file import FILE_NAME, EntryPoint, read_entry_points
from trackstream_api.queries import artifacts
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.queries.artifacts import ArtifactFile
    from trackstream_consumers.engine import Engine
    from trackstream_schemas.blobs import BlobStore

PREFIX = "runs:/"
_SCRIPTS = (".py", ".sh")
_OF_SCRIPTS = "script"
"""Stands for the command of a script, which is made where it is executed."""
_LARGEST_ARCHIVE = 64 << 20
_LARGEST_CONTENT = 128 << 20
_LARGEST_FILE = 1 << 20


def archive_at(engine: Engine, uri: str) -> ArtifactFile | None:
    """Return the archive at `uri` (runs:/…).

    None for other URIs, where there is none, and for one that is too large to be looked through while
    somebody waits.
    """
    if not uri.startswith(PREFIX):
        return None
    run_id, _, path = uri.removeprefix(PREFIX).partition("/")
    try:
        found = artifacts.get(engine, run_id, path)
    except NotFound:
        return None
    return found if found.size <= _LARGEST_ARCHIVE else None


def entry_points_in(blobs: BlobStore, archive: ArtifactFile) -> list[EntryPoint]:
    """Return the entry points of a project's archive, its scripts last.

    Raises InvalidInput for a project file that is wrong. Nothing of the archive is executed, and nothing but
    its project file is unpacked.
    """
    packed = gzip.GzipFile(fileobj=cast("Any", _Pieces(blobs.open(archive.sha256))))
    try:
        with tarfile.open(fileobj=cast("Any", _Bounded(packed)), mode="r|") as members:
            return _read(members)
    except (tarfile.TarError, EOFError, OSError) as error:
        right = f"an archive that can be read ({error})"
        raise InvalidInput("project archive", archive.path, right) from error


def _read(members: tarfile.TarFile) -> list[EntryPoint]:
    declared: dict[str, EntryPoint] = {}
    scripts: list[str] = []
    for member in members:
        parts = PurePosixPath(member.name).parts
        # The project is one directory of the archive.
        if len(parts) != 2 or not member.isfile():
            continue
        name = parts[1]
        if name.lower() == FILE_NAME.lower() and member.size <= _LARGEST_FILE:
            content = members.extractfile(member)
            assert content is not None
            with tempfile.TemporaryDirectory(prefix="trackstream-") as place:
                copy = Path(place, FILE_NAME)
                copy.write_bytes(content.read())
                declared = read_entry_points(copy)
        elif PurePosixPath(name).suffix in _SCRIPTS:
            scripts.append(name)
    return [*declared.values(), *(EntryPoint(name, _OF_SCRIPTS) for name in sorted(scripts))]


class _Readable(Protocol):
    def read(self, size: int) -> bytes: ...


class _Bounded:
    """Passes on no more than so many bytes: a small archive can hold a huge content."""

    def __init__(self, content: _Readable) -> None:
        self._content = content
        self._left = _LARGEST_CONTENT

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises OSError behind the last one that is let through."""
        found = self._content.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise OSError(f"its content is larger than {_LARGEST_CONTENT >> 20} MiB")
        return found


class _Pieces:
    """A content of the blob store as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer than `size` only at the end."""
        parts, count = [self._left], len(self._left)
        while count < size and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            count += len(piece)
        content = b"".join(parts)
        self._left = content[size:]
        return content[:size]
