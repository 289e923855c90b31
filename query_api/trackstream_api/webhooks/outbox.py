"""What is still to be delivered, what was given up, and how far the log has been read: an SQLite file.

Deliveries and the position behind them are written together, before the first attempt. A delivery that was
taken is removed.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_BUSY_TIMEOUT_MS = 10_000
_TABLES = (
    "CREATE TABLE IF NOT EXISTS positions (topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, webhook TEXT NOT NULL,"
    " delivery_id TEXT NOT NULL, event TEXT NOT NULL, body BLOB NOT NULL, created_at INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL, error TEXT NOT NULL DEFAULT '',"
    " given_up_at INTEGER, UNIQUE (webhook, delivery_id))",
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (webhook, next_at) WHERE given_up_at IS NULL",
)
_COLUMNS = "number, webhook, delivery_id, event, body, created_at, attempts, next_at, error, given_up_at"


class NewDelivery(NamedTuple):
    """Something to deliver."""

    webhook: str
    delivery_id: str
    event: str
    body: bytes


class Delivery(NamedTuple):
    """Something that is not delivered yet; times are milliseconds since the epoch."""

    number: int
    """What commands call it."""
    webhook: str
    delivery_id: str
    """The same in every attempt: what a receiver recognises repeats by."""
    event: str
    body: bytes
    created_at: int
    attempts: int
    next_at: int
    error: str
    """Why the last attempt failed."""
    given_up_at: int | None
    """Of a dead letter."""


class Outbox:
    """Thread-safe; several processes may have it open. Close it, or use it in a `with`.

    Raises StorageFailed where the file cannot be used, Unavailable where another process keeps it.
    """

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, which is made where there is none; only its owner may read it."""
        self._path = path
        self._turn = threading.Lock()
        with self._errors():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # What is sent may be confidential.
            path.chmod(0o600)
            self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            for table in _TABLES:
                self._connection.execute(table)

    def positions(self) -> dict[TopicPartition, int]:
        """Return how far the log has been read; empty for an outbox that is new."""
        with self._exclusive() as connection:
            rows = connection.execute("SELECT topic, partition, next_offset FROM positions").fetchall()
        return {TopicPartition(topic, partition): offset for topic, partition, offset in rows}

    def accept(self, deliveries: Sequence[NewDelivery], positions: Mapping[TopicPartition, int]) -> None:
        """Keep deliveries, and that the log has been read up to `positions`, together. One that is here
        already stays as it is."""
        now = _now_ms()
        with self._exclusive() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(
                    "INSERT OR IGNORE INTO deliveries"
                    " (webhook, delivery_id, event, body, created_at, next_at) VALUES (?, ?, ?, ?, ?, ?)",
                    [(*delivery, now, now) for delivery in deliveries],
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
                    [(*partition, offset) for partition, offset in positions.items()],
                )
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def next_of(self, webhook: str) -> Delivery | None:
        """Return the delivery of a webhook that is due first, now or later."""
        condition = "webhook = ? AND given_up_at IS NULL ORDER BY next_at, number LIMIT 1"
        found = self._select(condition, (webhook,))
        return found[0] if found else None

    def delivered(self, number: int) -> None:
        """Forget a delivery that was taken."""
        self._change("DELETE FROM deliveries WHERE number = ?", (number,))

    def failed(self, number: int, error: str, pause_s: float | None) -> None:
        """Note an attempt that failed; the next one comes after `pause_s` seconds, None: it is given up."""
        now = _now_ms()
        next_at = now if pause_s is None else now + round(1000 * pause_s)
        self._change(
            "UPDATE deliveries SET attempts = attempts + 1, error = ?, next_at = ?, given_up_at = ?"
            " WHERE number = ?",
            (error, next_at, now if pause_s is None else None, number),
        )

    def give_up_all_but(self, webhooks: Collection[str]) -> int:
        """Make dead letters of what waits for webhooks that there are no more; returns how many."""
        marks = ", ".join("?" * len(webhooks))
        return self._change(
            "UPDATE deliveries SET given_up_at = ?, error = 'there is no webhook of this name any more'"
            f" WHERE given_up_at IS NULL AND webhook NOT IN ({marks})",
            (_now_ms(), *webhooks),
        )

    def dead_letters(self) -> list[Delivery]:
        """Return what was given up, the oldest first."""
        return self._select("given_up_at IS NOT NULL ORDER BY number", ())

    def retry(self, number: int) -> bool:
        """Have a dead letter delivered again, with all its attempts; False where it is none."""
        return bool(
            self._change(
                "UPDATE deliveries SET given_up_at = NULL, attempts = 0, next_at = ?"
                " WHERE number = ? AND given_up_at IS NOT NULL",
                (_now_ms(), number),
            )
        )

    def drop(self, number: int) -> bool:
        """Forget a dead letter; False where it is none."""
        return bool(
            self._change("DELETE FROM deliveries WHERE number = ? AND given_up_at IS NOT NULL", (number,))
        )

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return for each webhook how many deliveries wait and how many were given up."""
        with self._exclusive() as connection:
            rows = connection.execute(
                "SELECT webhook, count(*) - count(given_up_at), count(given_up_at) FROM deliveries"
                " GROUP BY webhook"
            ).fetchall()
        return {webhook: (waiting, dead) for webhook, waiting, dead in rows}

    def close(self) -> None:
        """Close the file. Repeatable."""
        with self._turn:
            self._connection.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _select(self, condition: str, values: tuple[object, ...]) -> list[Delivery]:
        with self._exclusive() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM deliveries WHERE {condition}", values)
            return [Delivery(*row) for row in rows.fetchall()]

    def _change(self, statement: str, values: tuple[object, ...]) -> int:
        with self._exclusive() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def _exclusive(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._errors():
            yield self._connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            text = f"the webhooks' outbox {self._path}: {error}"
            if "locked" in str(error):
                raise Unavailable(text) from error
            raise StorageFailed(text) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
