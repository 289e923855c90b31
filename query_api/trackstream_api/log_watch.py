"""How far the log reaches, asked at every read: one indexed look-up in the SQLite log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from trackstream_schemas import sqlite_layout
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class LogWatch(Protocol):
    """What the read barrier asks of a log. Thread-safe."""

    def ends(self) -> dict[TopicPartition, int]:
        """Return for every partition the offset that the next record will get."""
        ...

    def oldest_age_ms(self, projected: Mapping[TopicPartition, int]) -> int:
        """Return how long ago the log took the oldest record at or behind these offsets; 0 without any."""
        ...

    def offsets_at(self, millis: int) -> dict[TopicPartition, int]:
        """Return for every partition the first offset that the log took at or after this time."""
        ...


class SqliteLogWatch:
    """Watches a SQLite log through a connection of its own.

    `ends` raises StorageFailed once the file has been removed or replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite_layout.connect(path, read_only=True)
        self._identity = sqlite_layout.identity_of(path)
        self._turn = threading.Lock()

    def ends(self) -> dict[TopicPartition, int]:
        sqlite_layout.check_unmoved(self._path, self._identity)
        with self._turn, sqlite_layout.storage_errors(self._path):
            rows = self._connection.execute("SELECT topic, partition, next_offset FROM partitions").fetchall()
        return {TopicPartition(topic, partition): end for topic, partition, end in rows}

    def oldest_age_ms(self, projected: Mapping[TopicPartition, int]) -> int:
        taken = []
        with self._turn, sqlite_layout.storage_errors(self._path):
            for (topic, partition), offset in projected.items():
                found = self._connection.execute(
                    f"SELECT appended_at FROM {sqlite_layout.table_of(topic)}"
                    " WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT 1",
                    (partition, offset),
                ).fetchone()
                if found is not None:
                    taken.append(found[0])
        return max(0, time.time_ns() // 1_000_000 - min(taken)) if taken else 0

    def offsets_at(self, millis: int) -> dict[TopicPartition, int]:
        return {at: self._first_at(at, end, millis) for at, end in self.ends().items()}

    def _first_at(self, partition: TopicPartition, end: int, millis: int) -> int:
        """Search by halves: offsets are indexed, times are not."""
        query = (
            f"SELECT offset, appended_at FROM {sqlite_layout.table_of(partition.topic)}"
            " WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT 1"
        )
        low, high = 0, end
        with self._turn, sqlite_layout.storage_errors(self._path):
            while low < high:
                middle = (low + high) // 2
                found = self._connection.execute(query, (partition.partition, middle)).fetchone()
                # The offsets before the found one may be gone: a topic's retention.
                if found is None or found[1] >= millis:
                    high = middle
                else:
                    low = found[0] + 1
        return low

    def close(self) -> None:
        """Release the connection."""
        with self._turn:
            self._connection.close()
