"""Blobs in a local directory: `ab/abcdef…`, written aside and renamed once whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from typing import TYPE_CHECKING, BinaryIO

from trackstream_schemas import validate
from trackstream_schemas.blobs.port import Blob, BlobCorrupt
from trackstream_schemas.errors import NotFound, StorageFailed
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE = 1 << 20
_INCOMING = "incoming"


class DirectoryBlobStore:
    """The embedded default. Several processes may use one directory at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self) -> None:
        # It is made with the first content.
        place = self._root if self._root.exists() else self._root.parent
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise StorageFailed(f"the directory of artifacts {self._root} cannot be read and written")

    def put(self, content: BinaryIO) -> Blob:
        digest = hashlib.sha256()
        size = 0
        incoming = self._root / _INCOMING
        partial = incoming / new_id()
        try:
            incoming.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as out:
                while piece := content.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            name = digest.hexdigest()
            final = self._path(name)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, final)
            _sync_directory(final.parent)
            return Blob(name, size, final.stat().st_mtime)
        except OSError as error:
            raise StorageFailed(f"cannot store an artifact under {self._root}: {error}") from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()

    def find(self, sha256: str) -> Blob | None:
        try:
            stat = self._path(sha256).stat()
        except FileNotFoundError:
            return None
        return Blob(sha256, stat.st_size, stat.st_mtime)

    def open(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound(f"no artifact content with sha256 {sha256} in {self._root}") from None
        except OSError as error:
            raise StorageFailed(f"cannot read artifact content {sha256}: {error}") from error
        return self._pieces(file, sha256, start, length)

    def _pieces(self, file: BinaryIO, sha256: str, start: int, length: int | None) -> Iterator[bytes]:
        whole = start == 0 and length is None
        digest = hashlib.sha256()
        with file:
            file.seek(start)
            left = length
            while left is None or left > 0:
                piece = file.read(_PIECE if left is None else min(_PIECE, left))
                if not piece:
                    break
                if left is not None:
                    left -= len(piece)
                if whole:
                    digest.update(piece)
                yield piece
        if whole and digest.hexdigest() != sha256:
            raise BlobCorrupt(f"artifact content {sha256} now has the digest {digest.hexdigest()}")

    def delete(self, sha256: str) -> None:
        try:
            self._path(sha256).unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(f"cannot delete artifact content {sha256}: {error}") from error

    def all(self) -> Iterator[Blob]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                yield Blob(path.name, stat.st_size, stat.st_mtime)

    def abort_stale(self, older_than: float) -> int:
        removed = 0
        for partial in (self._root / _INCOMING).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if partial.stat().st_mtime <= time.time() - older_than:
                    partial.unlink()
                    removed += 1
        return removed

    def _path(self, sha256: str) -> Path:
        # A digest becomes a path: nothing but a digest may.
        validate.sha256(sha256)
        return self._root / sha256[:2] / sha256


def _sync_directory(path: Path) -> None:
    """Make a rename survive the loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
