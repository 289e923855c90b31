"""The SQLite log's file: the table layout that its writer (producer_sdk) and reader (consumers) share.

One table a topic, named like the topic, and `partitions` with each partition's next offset. WAL with
`synchronous=FULL`: a committed append survives the loss of power, as far as the disk keeps its word.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from typing import TYPE_CHECKING

from trackstream_schemas import topics
from trackstream_schemas.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "log.db"
_BUSY_TIMEOUT_MS = 30_000
_WHEN_GONE = "Put the file back that this process opened, or restart the process to use what is there then"
_LOOKED_UP_BY_KEY = (
    topics.EXPERIMENTS,
    topics.RUNS,
    topics.LOGGED_MODELS,
    topics.TRACES,
    topics.REGISTRY,
    topics.LAUNCHES,
    topics.SCHEMAS,
)


def table_of(topic: str) -> str:
    """Return the quoted name of a topic's table."""
    if topic not in topics.ALL_TOPICS:
        raise ValueError(f"unknown topic {topic!r}")
    return f'"{topic}"'


def partitions_of(topic: str, partitions: int) -> int:
    """Return how many partitions a topic gets on a log that has `partitions` otherwise."""
    return 1 if topic in topics.TOTALLY_ORDERED else partitions


def partition_of(key: str, partitions: int) -> int:
    """Return the partition that a key belongs to among `partitions`."""
    return zlib.crc32(key.encode()) % partitions


def create(path: Path, partitions: int = 1) -> None:
    """Make the log file at `path` where there is none; an existing one keeps its partitions.

    Safe to call from several processes at once. Raises StorageFailed on a full or read-only disk.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(path)
    except OSError as error:
        raise StorageFailed(f"cannot make the log {path}: {error}") from error
    try:
        with storage_errors(path):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS partitions (topic TEXT NOT NULL, partition INTEGER NOT NULL,"
                " next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID"
            )
            for topic in topics.ALL_TOPICS:
                table = table_of(topic)
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {table}"
                    " (partition INTEGER NOT NULL, offset INTEGER NOT NULL, key TEXT NOT NULL,"
                    " value BLOB NOT NULL, appended_at INTEGER NOT NULL, PRIMARY KEY (partition, offset))"
                )
                if topic in _LOOKED_UP_BY_KEY:
                    connection.execute(f'CREATE INDEX IF NOT EXISTS "{topic}.key" ON {table} (key)')
                known = connection.execute("SELECT 1 FROM partitions WHERE topic = ?", (topic,)).fetchone()
                if known is None:
                    connection.executemany(
                        "INSERT INTO partitions VALUES (?, ?, 0)",
                        [(topic, number) for number in range(partitions_of(topic, partitions))],
                    )
            connection.execute("COMMIT")
    finally:
        connection.close()


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the log file in autocommit mode; transactions are the caller's `BEGIN IMMEDIATE`.

    The connection may be used from several threads, one at a time.
    """
    with storage_errors(path):
        if read_only:
            uri = f"{path.absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        else:
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection


FileIdentity = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


def identity_of(path: Path) -> FileIdentity:
    """Return which file `path` names now. Raises StorageFailed where there is none."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise StorageFailed(f"the log {path} is gone: {error.strerror}. {_WHEN_GONE}") from error
    return found.st_dev, found.st_ino


def check_unmoved(path: Path, opened: FileIdentity) -> None:
    """Raise StorageFailed where `path` no longer names the file that was opened.

    SQLite would go on with the file that was opened, and what it writes there nobody ever finds.
    """
    if identity_of(path) != opened:
        raise StorageFailed(f"the log {path} was replaced by another file while it was open. {_WHEN_GONE}")


class storage_errors:
    """Context manager that turns SQLite's errors into ours: Unavailable if busy, else StorageFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error)):
            raise Unavailable(
                f"the log {self._path} was locked by another process for {_BUSY_TIMEOUT_MS / 1000:.0f} s"
            ) from error
        if isinstance(error, sqlite3.Error):
            raise StorageFailed(f"the log {self._path}: {error}") from error
