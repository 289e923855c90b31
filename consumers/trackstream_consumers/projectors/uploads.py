"""Files that travel on the log in chunks: gathered in a directory, then put into the blob store.

A partial file's name holds the upload's id, size and digest, so that its length is all the state there
is: chunks of an upload come in order, and the next one begins where the file ends.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_consumers.errors import SlowDown
from trackstream_schemas.errors import InvalidInput, MalformedEvent, StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import ArtifactChunk
    from trackstream_schemas.position import Position, TopicPartition

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUFFIX = ".part"
ABANDONED_SECONDS = 86_400.0
"""An upload that got no chunk for so long (its trainer died) no longer holds back where to resume."""


@dataclass
class _Open:
    """An upload that is not whole yet."""

    partition: TopicPartition
    first: int
    """Offset of its first chunk that was read."""
    touched: float
    """When the last chunk came, by the monotonic clock."""


class UploadSink:
    """Takes chunks in log order; every one may come again. Used by one thread.

    Methods raise SlowDown where the directory or the blob store cannot take it now.
    """

    def __init__(self, directory: Path, blobs: BlobStore, outlives_process: bool = True) -> None:
        """`outlives_process` tells that whoever reads the log next has the same directory. Where not, the
        sink notes which uploads are open, and needs every chunk's position."""
        self.outlives_process = outlives_process
        self._directory = directory
        self._blobs = blobs
        self._unsynced: set[Path] = set()
        self._open: dict[Path, _Open] = {}

    def take(self, chunk: ArtifactChunk, at: Position | None = None) -> None:
        """Write a chunk, read at position `at`; with the last one the content goes to the blob store.

        Raises MalformedEvent for a chunk that does not fit: out of the file's bounds, behind a gap, or
        the last one of a content whose digest is not the announced one.
        """
        _check(chunk)
        part = self._directory / f"{chunk.upload_id}.{chunk.total_size}.{chunk.sha256}{_SUFFIX}"
        with _storage_errors():
            size = part.stat().st_size if part.exists() else -1
            if size < 0 and self._blobs.find(chunk.sha256) is not None:
                return
            if chunk.offset > max(size, 0):
                expected = f"{max(size, 0)}, where the chunks of upload {chunk.upload_id} end"
                raise MalformedEvent("chunk offset", chunk.offset, expected)
            # A repeat is written again as well: after a loss of power the file may have its length but
            # not its content.
            self._write(part, chunk)
            if at is not None and not self.outlives_process:
                opened = self._open.setdefault(part, _Open(at.topic_partition, at.offset, 0.0))
                opened.first = min(opened.first, at.offset)
                opened.touched = time.monotonic()
            if max(size, chunk.offset + len(chunk.data)) == chunk.total_size:
                self._finish(part, chunk)

    def sync(self) -> None:
        """Make what was taken survive the loss of power."""
        with _storage_errors():
            for part in self._unsynced:
                _sync(part)
            if self._unsynced:
                _sync(self._directory)
        self._unsynced.clear()

    def unfinished_from(self, reached: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return for each of these partitions where to read on without this directory: at the first chunk
        of the oldest upload that is open, or where none is, at the offset given."""
        recent = time.monotonic() - ABANDONED_SECONDS
        resume = dict(reached)
        for opened in self._open.values():
            if opened.partition in resume and opened.touched >= recent:
                resume[opened.partition] = min(resume[opened.partition], opened.first)
        return resume

    def keep_only_of(self, partitions: Collection[TopicPartition]) -> None:
        """Drop the open uploads of other partitions than these."""
        gone = [part for part, opened in self._open.items() if opened.partition not in partitions]
        with _storage_errors():
            for part in gone:
                part.unlink(missing_ok=True)
                self._unsynced.discard(part)
                del self._open[part]

    def adopt(self, other: Path) -> None:
        """Take over another directory's partial files, as after a replay; ours are replaced.

        What stays behind without a partner is of uploads that the other has finished.
        """
        with _storage_errors():
            theirs = {part.name for part in other.glob(f"*{_SUFFIX}")}
            if theirs:
                self._directory.mkdir(parents=True, exist_ok=True)
            for name in theirs:
                os.replace(other / name, self._directory / name)
            if theirs:
                _sync(self._directory)

    def keep_only(self, names: set[str]) -> None:
        """Remove the partial files that are not named."""
        with _storage_errors():
            for part in self._directory.glob(f"*{_SUFFIX}"):
                if part.name not in names:
                    part.unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Return the names of the partial files."""
        with _storage_errors():
            return {part.name for part in self._directory.glob(f"*{_SUFFIX}")}

    def clear(self) -> None:
        """Remove the directory with all partial files."""
        with _storage_errors():
            shutil.rmtree(self._directory, ignore_errors=True)

    def _write(self, part: Path, chunk: ArtifactChunk) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            data = memoryview(chunk.data)
            at = chunk.offset
            while data:
                written = os.pwrite(handle, data, at)
                data, at = data[written:], at + written
        finally:
            os.close(handle)
        self._unsynced.add(part)

    def _finish(self, part: Path, chunk: ArtifactChunk) -> None:
        digest = _digest_of(part)
        if digest == chunk.sha256:
            with part.open("rb") as content:
                self._blobs.put(content)
        # Removed before the position is noted: what comes again is then found in the blob store.
        part.unlink()
        self._unsynced.discard(part)
        self._open.pop(part, None)
        if digest != chunk.sha256:
            raise MalformedEvent(f"content of upload {chunk.upload_id}", digest, f"the digest {chunk.sha256}")


def _check(chunk: ArtifactChunk) -> None:
    if not _ID.fullmatch(chunk.upload_id):
        raise MalformedEvent("upload_id", chunk.upload_id, "at most 64 letters, digits, '_' and '-'")
    if not _DIGEST.fullmatch(chunk.sha256):
        raise MalformedEvent("sha256", chunk.sha256, "64 lower-case hex digits")
    if chunk.offset < 0 or chunk.offset + len(chunk.data) > chunk.total_size:
        where = f"{chunk.offset} to {chunk.offset + len(chunk.data)}"
        raise MalformedEvent("chunk bounds", where, f"within 0 to {chunk.total_size}")


def _digest_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except InvalidInput:
        raise
    except (OSError, StorageFailed, Unavailable) as error:
        raise SlowDown(f"the artifact store: {error}") from error
