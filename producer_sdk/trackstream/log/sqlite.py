"""The embedded log: a SQLite file that any number of processes append to."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING

from trackstream.exit_hooks import held_back
from trackstream_schemas import codec, sqlite_layout, topics
from trackstream_schemas.errors import MalformedEvent, StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream.log.port import EncodedEvent
    from trackstream_schemas.events import Event

_CREATE_PATIENCE_S = 30.0
_INDEXED_BY_KEY = (
    topics.EXPERIMENTS,
    topics.RUNS,
    topics.LOGGED_MODELS,
    topics.TRACES,
    topics.REGISTRY,
    topics.LAUNCHES,
)


class SqliteLogWriter:
    """Appends to the log file at `path`, which it makes where there is none (with `partitions`).

    One transaction an append: durable when the future resolves. Safe to use from several threads and,
    through a fork, several processes. Raises StorageFailed or Unavailable where the file cannot be opened.
    Only opening makes a file: where it is removed or replaced later, everything is StorageFailed.
    """

    def __init__(self, path: Path, partitions: int = 1, *, synced: bool = True) -> None:
        """Without `synced` an append is in the system's hands when it resolves, not on the disk."""
        self._path = path.absolute()
        self._synced = synced
        # Re-entrant, since a signal handler may close while the main thread is in here.
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._partitions: dict[str, int] = {}
        self._known_schemas: set[bytes] = set()
        self._closed = False
        _create(self._path, partitions)
        self._identity = sqlite_layout.identity_of(self._path)
        _writers[id(self)] = weakref.ref(self)

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        future: Future[list[Position]] = Future()
        try:
            with held_back(), self._lock:
                self._refuse_closed()
                future.set_result(self._append(events) if events else [])
        except TrackstreamError as error:
            future.set_exception(error)
        return future

    def append_with(
        self, events: Sequence[EncodedEvent], also: Callable[[sqlite3.Connection, Sequence[Position]], None]
    ) -> list[Position]:
        """Append, with what `also` writes in the same transaction, and return the positions.

        Raises StorageFailed or Unavailable; then nothing was written.
        """
        with held_back(), self._lock:
            self._refuse_closed()
            return self._append(events, also)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection in a transaction, which an exception undoes; for tables beside the log's.

        Raises StorageFailed or Unavailable.
        """
        with held_back(), self._lock:
            self._refuse_closed()
            with self._transaction() as connection:
                yield connection

    def history(self, topic: str, key: str) -> list[Event] | None:
        if topic not in _INDEXED_BY_KEY:
            return None
        query = f"SELECT value FROM {sqlite_layout.table_of(topic)} WHERE key = ? ORDER BY partition, offset"
        with held_back(), self._lock, sqlite_layout.storage_errors(self._path):
            messages = self._connect().execute(query, (key,)).fetchall()
        events = []
        for (message,) in messages:
            # A damaged event is the projector's to report; the entity's other events still count.
            with contextlib.suppress(MalformedEvent):
                events.append(codec.decode(message))
        return events

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._disconnect()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Unavailable(f"the writer of the log {self._path} is closed")

    def _append(
        self,
        events: Sequence[EncodedEvent],
        also: Callable[[sqlite3.Connection, Sequence[Position]], None] | None = None,
    ) -> list[Position]:
        rows = [(topic, key, value) for topic, key, value in events]
        new_schemas = self._unseen_schemas(events)
        with self._transaction() as connection:
            rows[:0] = [row for row in new_schemas.values() if not _is_stored(connection, row)]
            positions = self._insert(connection, rows)
            positions = positions[len(positions) - len(events) :]
            if also is not None:
                also(connection, positions)
        self._known_schemas.update(new_schemas)
        return positions

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with sqlite_layout.storage_errors(self._path):
                connection = self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except StorageFailed:
            # The next attempt starts from a fresh connection: the disk may have room or be back by then.
            self._disconnect()
            raise

    def _insert(self, connection: sqlite3.Connection, rows: list[tuple[str, str, bytes]]) -> list[Position]:
        now = time.time_ns() // 1_000_000
        positions = []
        by_topic: dict[str, list[tuple[int, int, str, bytes, int]]] = {}
        next_offsets: dict[str, dict[int, int]] = {}
        for topic, key, value in rows:
            offsets = next_offsets.get(topic)
            if offsets is None:
                query = "SELECT partition, next_offset FROM partitions WHERE topic = ?"
                offsets = next_offsets[topic] = dict(connection.execute(query, (topic,)).fetchall())
                if not offsets:
                    raise StorageFailed(f"the log {self._path} has no partitions of topic {topic!r}")
            partition = sqlite_layout.partition_of(key, len(offsets))
            offset = offsets[partition]
            offsets[partition] = offset + 1
            by_topic.setdefault(topic, []).append((partition, offset, key, value, now))
            positions.append(Position(topic, partition, offset))
        for topic, records in by_topic.items():
            table = sqlite_layout.table_of(topic)
            connection.executemany(
                f"INSERT INTO {table} (partition, offset, key, value, appended_at) VALUES (?, ?, ?, ?, ?)",
                records,
            )
            touched = {record[0] for record in records}
            connection.executemany(
                "UPDATE partitions SET next_offset = ? WHERE topic = ? AND partition = ?",
                [(next_offsets[topic][partition], topic, partition) for partition in touched],
            )
        return positions

    def _unseen_schemas(self, events: Sequence[EncodedEvent]) -> dict[bytes, tuple[str, str, bytes]]:
        """Return rows for the schemas topic, by fingerprint, of the schemas not yet known to be stored."""
        rows = {}
        for event in events:
            fingerprint = event.value[2 : codec.HEADER_SIZE]
            if fingerprint not in self._known_schemas and fingerprint not in rows:
                text = codec.schema_of(event.value).text
                rows[fingerprint] = (topics.SCHEMAS, fingerprint.hex(), text.encode())
        return rows

    def _connect(self) -> sqlite3.Connection:
        """Return the connection to the file that was opened first; StorageFailed where it is not there."""
        sqlite_layout.check_unmoved(self._path, self._identity)
        if self._connection is None:
            self._connection = sqlite_layout.connect(self._path)
            if not self._synced:
                self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


def _is_stored(connection: sqlite3.Connection, row: tuple[str, str, bytes]) -> bool:
    topic, key, _ = row
    query = f"SELECT 1 FROM {sqlite_layout.table_of(topic)} WHERE key = ? LIMIT 1"
    return connection.execute(query, (key,)).fetchone() is not None


def _create(path: Path, partitions: int) -> None:
    # Several processes that make the file at once can meet "locked" without SQLite waiting (the switch
    # to WAL does not honour the busy timeout).
    deadline = time.monotonic() + _CREATE_PATIENCE_S
    while True:
        try:
            return sqlite_layout.create(path, partitions)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


_writers: dict[int, weakref.ref[SqliteLogWriter]] = {}
_held_over_fork: list[SqliteLogWriter] = []


def _before_fork() -> None:
    # SQLite must not be carried over a fork: the child would inherit locks that it does not hold. So the
    # connection is closed between two appends and both sides open their own when they next need one.
    for number, reference in list(_writers.items()):
        writer = reference()
        if writer is None:
            _writers.pop(number, None)
            continue
        writer._lock.acquire()
        _held_over_fork.append(writer)
        writer._disconnect()


def _after_fork() -> None:
    while _held_over_fork:
        _held_over_fork.pop()._lock.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
