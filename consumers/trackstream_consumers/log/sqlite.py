"""Reads the SQLite log; its writers are other connections, in this process and in others."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_consumers.errors import RecordsLost
from trackstream_consumers.log.port import LogRecord
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

LIMITED_RETENTION = frozenset({topics.ARTIFACT_BYTES})
"""Topics whose oldest records may be gone by intention: what is gone is in the blob store."""

_FIRST_SLEEP = 0.01
_LONGEST_SLEEP = 0.25


class SqliteLogReader:
    """A `LogReader` over the log file at `path`, which is made where there is none.

    SQLite tells a waiting reader nothing, so `poll` looks at the file's change counter (`PRAGMA
    data_version`) every 10 ms, after a quiet while every 250 ms. A poll stops early once it holds
    `max_bytes` of values. `end` raises StorageFailed once the file has been removed or replaced.
    """

    generation = 0
    """No group, no changes."""

    def __init__(self, path: Path, topics: Iterable[str], max_bytes: int = 8 << 20) -> None:
        if not path.exists():
            sqlite_layout.create(path)
        self._path = path
        self._max_bytes = max_bytes
        self._connection = sqlite_layout.connect(path)
        self._identity = sqlite_layout.identity_of(path)
        self._woken = threading.Event()
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0
        self._sleep = _FIRST_SLEEP
        with sqlite_layout.storage_errors(path):
            for topic in topics:
                rows = self._connection.execute(
                    "SELECT partition FROM partitions WHERE topic = ? ORDER BY partition", (topic,)
                )
                self._positions |= {TopicPartition(topic, row[0]): 0 for row in rows}

    def assigned(self) -> list[TopicPartition]:
        return list(self._positions)

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        for partition, offset in positions.items():
            if partition not in self._positions:
                raise ValueError(f"{partition} is not assigned to this reader")
            self._positions[partition] = offset

    def positions(self) -> dict[TopicPartition, int]:
        return dict(self._positions)

    def poll(self, max_records: int, timeout: float) -> list[LogRecord]:
        deadline = time.monotonic() + timeout
        seen = -1
        while True:
            # The counter is read before the rows: a commit between the two is then looked at once more.
            version = self._version()
            if version != seen:
                seen = version
                if records := self._read(max_records):
                    self._sleep = _FIRST_SLEEP
                    return records
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            if self._woken.wait(min(self._sleep, left)):
                self._woken.clear()
                return self._read(max_records)
            self._sleep = min(self._sleep * 1.1, _LONGEST_SLEEP)

    def end(self) -> dict[TopicPartition, int]:
        sqlite_layout.check_unmoved(self._path, self._identity)
        with sqlite_layout.storage_errors(self._path):
            rows = self._connection.execute("SELECT topic, partition, next_offset FROM partitions")
            ends = {TopicPartition(topic, partition): end for topic, partition, end in rows}
        return {partition: ends[partition] for partition in self._positions}

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def applied(self, positions: Mapping[TopicPartition, int]) -> None:
        """Nobody else asks the log how far this reader is."""

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        self._connection.close()

    def _version(self) -> int:
        with sqlite_layout.storage_errors(self._path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _read(self, max_records: int) -> list[LogRecord]:
        """Return what there is now, beginning with another partition each time, so that none starves."""
        records: list[LogRecord] = []
        size = 0
        partitions = [partition for partition in self._positions if partition not in self._paused]
        self._turn += 1
        with sqlite_layout.storage_errors(self._path), self._snapshot():
            for number in range(len(partitions)):
                partition = partitions[(number + self._turn) % len(partitions)]
                for record in self._rows(partition, max_records - len(records)):
                    records.append(record)
                    size += len(record.value)
                    if size >= self._max_bytes:
                        return records
                if len(records) >= max_records:
                    return records
        return records

    def _rows(self, partition: TopicPartition, limit: int) -> Iterator[LogRecord]:
        """Yield records and move on behind each. Raises RecordsLost where one is missing."""
        table = sqlite_layout.table_of(partition.topic)
        expected = self._positions[partition]
        rows = self._connection.execute(
            f"SELECT offset, key, value, appended_at FROM {table}"
            " WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
            (partition.partition, expected, limit),
        )
        found = False
        for offset, key, value, appended_at in rows:
            if offset != expected and not (partition.topic in LIMITED_RETENTION and not found):
                raise RecordsLost(partition, expected, offset)
            found = True
            expected = self._positions[partition] = offset + 1
            yield LogRecord(Position(*partition, offset), key, value, appended_at)
        if not found:
            self._check_none_cut(partition, expected)

    def _check_none_cut(self, partition: TopicPartition, expected: int) -> None:
        row = self._connection.execute(
            "SELECT next_offset FROM partitions WHERE topic = ? AND partition = ?", partition
        )
        end = int(row.fetchone()[0])
        if end > expected:
            if partition.topic not in LIMITED_RETENTION:
                raise RecordsLost(partition, expected, end)
            self._positions[partition] = end

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """One state of the file for several statements."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")
