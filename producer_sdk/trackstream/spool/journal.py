"""Metric points on the disk before the call that logs them returns.

A segment is a file of fixed size that is mapped into memory; a point is 32 bytes, and is written by one
call that holds the interpreter lock. What lies in the map is the operating system's: it survives the
death of the process at any moment. The file's blocks are reserved first, so that a full disk is an error
when a segment is begun and not a fault when it is written.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIX = ".points"
POINT = struct.Struct("<iqqdi")
"""Series number, step, timestamp (ms), value, and the series number again: a point that a kill has cut
in two is seen by its other end. Numbers begin at 1, so that nothing written is nothing found."""
COLUMNS = np.dtype(
    [("series", "<i4"), ("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8"), ("check", "<i4")]
)
SEGMENT_POINTS = 1 << 17
SEGMENT_BYTES = SEGMENT_POINTS * POINT.size


class Place(NamedTuple):
    """Between two points of a journal."""

    segment: int
    record: int


class _Segment:
    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number
        self.taken = 0
        handle = -1
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(handle, 0, SEGMENT_BYTES)
            self.map = mmap.mmap(handle, SEGMENT_BYTES)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise StorageFailed(f"the spool has no room for {path}: {error}") from error
        finally:
            if handle >= 0:
                os.close(handle)

    @property
    def written(self) -> int:
        return self.map.tell() // POINT.size

    def remove(self) -> None:
        self.map.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


class PointJournal:
    """The points of one spool that are not yet in its log, oldest first.

    Any thread may write through `write`; everything else is for who holds the producer's lock.
    """

    def __init__(self, spool: Path) -> None:
        """Points go into files beside the spool's file, `spool`."""
        self._spool = spool
        self._segments: deque[_Segment] = deque()
        self._begun = 0

    def __len__(self) -> int:
        return sum(segment.written - segment.taken for segment in self._segments)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return len(self._segments) * SEGMENT_BYTES

    @property
    def write(self) -> Callable[[bytes], object] | None:
        """What stores a point; it raises ValueError, having stored nothing, once the segment is full."""
        return self._segments[-1].map.write if self._segments else None

    def extend(self) -> None:
        """Begin another segment. Raises StorageFailed where the disk has no room for it."""
        self._segments.append(_Segment(segment_path(self._spool, self._begun), self._begun))
        self._begun += 1

    def take(self, most: int) -> tuple[NDArray[np.void], Place]:
        """Return up to `most` points, shape (n,), and the place behind them; `drop` forgets them."""
        for segment in self._segments:
            end = min(segment.written, segment.taken + most)
            if end > segment.taken:
                data = segment.map[segment.taken * POINT.size : end * POINT.size]
                return np.frombuffer(data, dtype=COLUMNS), Place(segment.number, end)
        return np.empty(0, dtype=COLUMNS), Place(self._begun, 0)

    def drop(self, place: Place) -> None:
        """Forget what lies in front of a place that `take` gave."""
        while self._segments and self._segments[0].number < place.segment:
            self._segments.popleft().remove()
        if self._segments and self._segments[0].number == place.segment:
            self._segments[0].taken = place.record
            if place.record == SEGMENT_POINTS:
                self._segments.popleft().remove()

    def remove(self) -> None:
        """Delete the files."""
        while self._segments:
            self._segments.popleft().remove()

    def abandon(self) -> None:
        """Let go of the maps: the files are the parent's of this forked child."""
        while self._segments:
            self._segments.popleft().map.close()


def segment_path(spool: Path, number: int) -> Path:
    """Return the file of one segment of a spool's journal."""
    return spool.with_suffix(f".{number:06d}{SUFFIX}")


def journal_files(spool: Path) -> list[Path]:
    """Return the segments that a spool has, oldest first."""
    return sorted(spool.parent.glob(f"{spool.stem}.*{SUFFIX}"))


def read_segment(path: Path, first: int) -> NDArray[np.void]:
    """Return the whole points that a segment holds from record `first` on, shape (n,)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageFailed(f"cannot read {path}: {error}") from error
    points = np.frombuffer(data[: len(data) // POINT.size * POINT.size], dtype=COLUMNS)[first:]
    whole = (points["series"] > 0) & (points["series"] == points["check"])
    cut = np.flatnonzero(~whole)
    return points[: cut[0]] if len(cut) else points
