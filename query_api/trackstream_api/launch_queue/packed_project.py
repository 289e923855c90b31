"""What can be launched from a directory that was sent to a queue, read from its archive in the store."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from trackstream.projects.project_file import FILE_NAME, EntryPoint, read_entry_points
from trackstream_api.queries import artifacts
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.store import Store

_SCRIPTS = (".py", ".sh")
_OF_SCRIPTS = "script"
"""Stands for the command of a script, which is made where it is executed."""
_LARGEST_ARCHIVE = 64 << 20
_LARGEST_FILE = 1 << 20
_MOST_MEMBERS = 20_000


def entry_points_of(store: Store, uri: str) -> list[EntryPoint] | None:
    """Return the entry points of the archive at `uri` (runs:/…), its scripts last.

    None where there is no such archive, or one that is too large to be looked through while somebody waits.
    Raises InvalidInput for a project file that is wrong. Nothing of the archive is executed, and nothing but
    its project file is unpacked.
    """
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    try:
        file = artifacts.get(store.engine, run_id, path)
    except NotFound:
        return None
    if file.size > _LARGEST_ARCHIVE:
        return None
    try:
        with tarfile.open(
            fileobj=cast("BinaryIO", _Pieces(store.blobs.open(file.sha256))), mode="r|gz"
        ) as packed:
            return _read(packed)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidInput("project archive", uri, f"an archive that can be read ({error})") from error


def _read(packed: tarfile.TarFile) -> list[EntryPoint]:
    declared: dict[str, EntryPoint] = {}
    scripts: list[str] = []
    for number, member in enumerate(packed):
        if number > _MOST_MEMBERS:
            break
        parts = PurePosixPath(member.name).parts
        if len(parts) != 2 or not member.isfile():
            continue
        name = parts[1]
        if name.lower() == FILE_NAME.lower() and member.size <= _LARGEST_FILE:
            content = packed.extractfile(member)
            assert content is not None
            with tempfile.TemporaryDirectory(prefix="trackstream-") as place:
                copy = Path(place, FILE_NAME)
                copy.write_bytes(content.read())
                declared = read_entry_points(copy)
        elif PurePosixPath(name).suffix in _SCRIPTS:
            scripts.append(name)
    return [
        *declared.values(),
        *(EntryPoint(name, _OF_SCRIPTS) for name in sorted(scripts) if name not in declared),
    ]


class _Pieces:
    """A stream of bytes as `tarfile` reads one."""

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
