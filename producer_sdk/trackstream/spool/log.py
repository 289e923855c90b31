"""A spool's file: a SQLite log, the order in which it is to be forwarded, and how far that has come."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trackstream.log.port import EncodedEvent
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.metric_buffer import Series
from trackstream.spool.ownership import this_host
from trackstream_schemas import sqlite_layout
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position

SUFFIX = ".db"
LOCK_SUFFIX = ".lock"
_ROW_OVERHEAD = 200
_TABLES = """
CREATE TABLE IF NOT EXISTS spool (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS series
    (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, writer TEXT NOT NULL, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outgoing
    (number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, offset INTEGER NOT NULL,
     points INTEGER NOT NULL, blob TEXT, refused TEXT);
"""


class SpoolFull(StorageFailed):
    """The spool has reached spool_max_bytes."""


class Outgoing(NamedTuple):
    """An event that is to be forwarded."""

    event: EncodedEvent
    points: int = 0
    """Metric points in it."""
    blob: str | None = None
    """SHA-256 of a content among the spool directory's blobs that must be uploaded first."""


class Waiting(NamedTuple):
    """An event that is to be forwarded, as the spool gives it back."""

    number: int
    outgoing: Outgoing


@dataclass(frozen=True)
class Facts:
    """What a spool says of itself."""

    uri: str
    """Where its events are to go; empty for an offline spool."""
    producer_id: str
    actor: str
    host: str
    inode: int
    pid: int
    created_at: int
    next_sequence: int = 0
    journal_segment: int = 0
    journal_record: int = 0
    """The first point that is not yet in the log: in which segment, and which record of it."""
    forwarded: int = 0
    closed: int = 0
    """Whether its producer ended in good order: then no points are left in its journal."""


class Tally(NamedTuple):
    """How much a spool holds."""

    events: int
    """Records, each metric batch counting as one."""
    points: int
    waiting_events: int
    waiting_points: int
    refused: int
    oldest: int | None
    """When the oldest event that waits was spooled, milliseconds since the epoch."""


class SpoolLog:
    """One spool's file. Thread-safe. Raises StorageFailed or Unavailable where the disk fails.

    An append is in the operating system's hands when it returns: it survives the death of the process,
    and not the loss of power.
    """

    def __init__(self, path: Path) -> None:
        """Open the spool at `path`, which exists."""
        self.path = path
        self._log = SqliteLogWriter(path, synced=False)
        self._bytes = self._size()

    @classmethod
    def create(cls, path: Path, uri: str, producer_id: str, actor: str, inode: int) -> SpoolLog:
        """Make a spool; `inode` is its lock file's, which tells it from a copy."""
        made = cls(path)
        facts = Facts(uri, producer_id, actor, this_host(), inode, os.getpid(), time.time_ns() // 1_000_000)
        with made._log.transaction() as connection:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            _save(connection, vars(facts))
        return made

    def is_made(self) -> bool:
        """Whether its process has got beyond making it; until then it holds nothing."""
        with self._log.transaction() as connection:
            query = "SELECT 1 FROM sqlite_master WHERE name = 'outgoing'"
            return connection.execute(query).fetchone() is not None

    def facts(self) -> Facts:
        """Return what the spool says of itself."""
        with self._log.transaction() as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outgoing'").fetchone()
            found = dict(connection.execute("SELECT name, value FROM spool").fetchall()) if known else {}
        if not found:
            raise StorageFailed(
                f"{self.path} is not a whole spool: it was copied without the files beside it (-wal), or its"
                " process was killed before it had logged anything"
            )
        return Facts(**found)

    def save(self, **facts: int) -> None:
        """Note facts."""
        with self._log.transaction() as connection:
            _save(connection, facts)

    def append(self, outgoing: Sequence[Outgoing], facts: Mapping[str, int] | None = None) -> int:
        """Append events, note facts with them, and return the number of the last event."""
        last = 0

        def note(connection: sqlite3.Connection, positions: Sequence[Position]) -> None:
            nonlocal last
            connection.executemany(
                "INSERT INTO outgoing (topic, offset, points, blob) VALUES (?, ?, ?, ?)",
                [
                    (position.topic, position.offset, item.points, item.blob)
                    for item, position in zip(outgoing, positions, strict=True)
                ],
            )
            (last,) = connection.execute("SELECT last_insert_rowid()").fetchone()
            if facts:
                _save(connection, facts)

        self._log.append_with([item.event for item in outgoing], note)
        self._bytes += sum(len(item.event.value) + _ROW_OVERHEAD for item in outgoing)
        return last

    def add_series(self, number: int, series: Series) -> None:
        """Remember what the number of a series in the journal stands for."""
        with self._log.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?)", (number, *series))

    def series(self) -> dict[int, Series]:
        """Return what the numbers in the journal stand for."""
        with self._log.transaction() as connection:
            rows = connection.execute("SELECT number, run_id, writer, key FROM series").fetchall()
        return {row[0]: Series(*row[1:]) for row in rows}

    def waiting(self, most: int, most_bytes: int) -> list[Waiting]:
        """Return the next events to forward, in order: at least one, where there is one."""
        with self._log.transaction() as connection:
            rows = connection.execute(
                "SELECT number, topic, offset, points, blob FROM outgoing"
                " WHERE number > (SELECT value FROM spool WHERE name = 'forwarded') AND refused IS NULL"
                " ORDER BY number LIMIT ?",
                (most,),
            ).fetchall()
            found: list[Waiting] = []
            size = 0
            for number, topic, offset, points, blob in rows:
                key, value = connection.execute(
                    f"SELECT key, value FROM {sqlite_layout.table_of(topic)}"
                    " WHERE partition = 0 AND offset = ?",
                    (offset,),
                ).fetchone()
                size += len(value)
                if found and size > most_bytes:
                    break
                found.append(Waiting(number, Outgoing(EncodedEvent(topic, key, value), points, blob)))
            return found

    def mark_forwarded(self, number: int, *, keep: bool) -> None:
        """Note that all up to `number` is on the log; without `keep` it leaves the spool."""
        with self._log.transaction() as connection:
            connection.execute("UPDATE spool SET value = max(value, ?) WHERE name = 'forwarded'", (number,))
            if keep:
                return
            gone = "FROM outgoing WHERE number <= ? AND refused IS NULL"
            for topic, offset in connection.execute(
                f"SELECT topic, max(offset) {gone} GROUP BY topic", (number,)
            ).fetchall():
                connection.execute(
                    f"DELETE FROM {sqlite_layout.table_of(topic)} WHERE partition = 0 AND offset <= ?"
                    " AND offset NOT IN"
                    " (SELECT offset FROM outgoing WHERE topic = ? AND refused IS NOT NULL)",
                    (offset, topic),
                )
            connection.execute(f"DELETE {gone}", (number,))
        self._bytes = self._size()

    def refuse(self, number: int, why: str) -> None:
        """Note that the log will never have an event; it stays in the spool."""
        with self._log.transaction() as connection:
            connection.execute("UPDATE outgoing SET refused = ? WHERE number = ?", (why, number))

    def tally(self) -> Tally:
        """Count what the spool holds."""
        with self._log.transaction() as connection:
            row = connection.execute(
                "SELECT count(*), coalesce(sum(points), 0),"
                " coalesce(sum(waits), 0), coalesce(sum(points * waits), 0), count(refused),"
                " min(number) FILTER (WHERE waits) FROM"
                " (SELECT *, refused IS NULL AND number >"
                " (SELECT value FROM spool WHERE name = 'forwarded') AS waits FROM outgoing)"
            ).fetchone()
            oldest = None
            if row[5] is not None:
                topic, offset = connection.execute(
                    "SELECT topic, offset FROM outgoing WHERE number = ?", (row[5],)
                ).fetchone()
                (oldest,) = connection.execute(
                    f"SELECT appended_at FROM {sqlite_layout.table_of(topic)}"
                    " WHERE partition = 0 AND offset = ?",
                    (offset,),
                ).fetchone()
        events, points, waiting_events, waiting_points, refused = map(int, row[:5])
        return Tally(events, points, waiting_events, waiting_points, refused, oldest)

    @property
    def bytes(self) -> int:
        """About how many bytes its events take on the disk."""
        return self._bytes

    def history(self, topic: str, key: str) -> list[Event] | None:
        """Return the events of an entity that are in this spool."""
        return self._log.history(topic, key)

    def close(self) -> None:
        """Release the file."""
        self._log.close()

    def remove(self) -> None:
        """Delete the file. The caller holds the spool's lock, or else nobody writes it."""
        self._log.close()
        # The file itself last: without it the others mean nothing, with it they do.
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.path}{suffix}")

    def _size(self) -> int:
        with self._log.transaction() as connection:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        return int((pages - free) * size)


def _save(connection: sqlite3.Connection, facts: Mapping[str, object]) -> None:
    connection.executemany("INSERT OR REPLACE INTO spool VALUES (?, ?)", list(facts.items()))
