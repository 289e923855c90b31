"""The log of a directory that another process may hold: SQLite lets any number of processes read it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from trackstream.log.sqlite import SqliteLogWriter
from trackstream_api.log_watch import SqliteLogWatch
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import sqlite_layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trackstream.log.port import LogWriter
    from trackstream_consumers.log.port import LogReader
    from trackstream_schemas.position import TopicPartition


class SqliteLog:
    """Implements `source.StreamSource`. Nothing is appended; the writer is for looking entities up."""

    def __init__(self, directory: Path) -> None:
        """Raises StorageFailed or Unavailable where the log in `directory` cannot be opened."""
        self._path = directory.absolute() / sqlite_layout.FILE_NAME
        with ExitStack() as opened:
            self.log: LogWriter = SqliteLogWriter(self._path)
            opened.callback(self.log.close)
            self._watch = SqliteLogWatch(self._path)
            opened.callback(self._watch.close)
            self._opened = opened.pop_all()

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        return SqliteLogReader(self._path, topics)

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        return self._watch.offsets_at(millis)

    def close(self) -> None:
        """Release the connections. Repeatable."""
        self._opened.close()
