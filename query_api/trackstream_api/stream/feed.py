"""The newest records of a log in memory, read once for all who listen.

Where nobody listens nothing is read. The memory is bounded: whoever is slower than the log falls out of it.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from trackstream_api.stream.catch_up import story_order
from trackstream_api.stream.entry import Entry
from trackstream_api.stream.selection import Experiments
from trackstream_api.stream.source import STREAMED_TOPICS
from trackstream_consumers.log.port import Growing
from trackstream_schemas.errors import TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream_api.stream.source import StreamSource
    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

_START_SECONDS = 30.0
_POLL_SECONDS = 1.0
_LOOK_SECONDS = 5.0
"""How often to look whether a topic has been given partitions."""
_POLL_RECORDS = 1000


class FellBehind(Exception):
    """The records that come next for a listener are no longer in memory."""


class Tail:
    """One reading of the log's end, from the first listener's coming to the last one's leaving."""

    def __init__(self, source: StreamSource, max_records: int, max_bytes: int) -> None:
        self._source = source
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._first = 0
        self._bytes = 0
        self._begin: dict[TopicPartition, int] = {}
        self._end: dict[TopicPartition, int] = {}
        self._started = threading.Event()
        self._stopping = threading.Event()
        self._reader: LogReader | None = None
        self.listeners: set[Callable[[], None]] = set()
        """What is called, from the reading thread, whenever there is news. Changed by the feed alone."""
        self.failure: TrackstreamError | None = None
        """Why nothing more is read."""
        threading.Thread(target=self._read, name="trackstream-stream", daemon=True).start()

    def stop(self) -> None:
        """Have the reading end soon."""
        self._stopping.set()
        if self._reader is not None:
            self._reader.wake()

    def end(self) -> dict[TopicPartition, int]:
        """Return how far the log has been read. Raises what keeps it from being read."""
        if not self._started.wait(_START_SECONDS):
            raise Unavailable(f"the log could not be opened within {_START_SECONDS:g} s")
        if self.failure is not None:
            raise self.failure
        with self._turn:
            return dict(self._end)

    def reach(self, positions: Mapping[TopicPartition, int]) -> int | None:
        """Return the cursor of the first record in memory; None where some from `positions` on are not."""
        with self._turn:
            # Before the start there is nothing to reach.
            if not self._begin or any(
                offset < self._begin.get(partition, 0) for partition, offset in positions.items()
            ):
                return None
            return self._first

    def entries(self, cursor: int, most: int) -> list[Entry]:
        """Return records from the cursor on. Raises FellBehind where the first of them is gone."""
        with self._turn:
            if cursor < self._first:
                raise FellBehind
            start = cursor - self._first
            return [self._entries[at] for at in range(start, min(len(self._entries), start + most))]

    def _read(self) -> None:
        try:
            self._reader = reader = self._source.open_reader(STREAMED_TOPICS)
            try:
                ends = reader.end()
                reader.seek(ends)
                with self._turn:
                    self._begin, self._end = dict(ends), dict(ends)
                self._tell()
                looked = time.monotonic()
                while not self._stopping.is_set():
                    if isinstance(reader, Growing) and time.monotonic() - looked >= _LOOK_SECONDS:
                        reader.refresh()
                        looked = time.monotonic()
                    if records := reader.poll(_POLL_RECORDS, _POLL_SECONDS):
                        self._keep(records)
                        self._tell()
            finally:
                reader.close()
        except TrackstreamError as error:
            self._fail(error)
        # The last word of a thread that nobody joins; the listeners are told.
        except Exception as error:
            logger.exception("the log could not be streamed")
            self._fail(Unavailable(f"the log could not be read: {type(error).__name__}: {error}"))

    def _keep(self, records: list[LogRecord]) -> None:
        with self._turn:
            groups: dict[TopicPartition, list[LogRecord]] = {}
            for record in records:
                groups.setdefault(record.position.topic_partition, []).append(record)
            # Each partition's records stay in their order, whatever the clock did.
            for record in heapq.merge(*groups.values(), key=story_order):
                self._entries.append(Entry(record))
                self._bytes += len(record.value)
                self._end[record.position.topic_partition] = record.position.offset + 1
            while self._entries and (len(self._entries) > self._max_records or self._bytes > self._max_bytes):
                gone = self._entries.popleft()
                self._first += 1
                self._bytes -= len(gone.record.value)
                self._begin[gone.position.topic_partition] = gone.position.offset + 1

    def _fail(self, error: TrackstreamError) -> None:
        self.failure = error
        self._tell()

    def _tell(self) -> None:
        self._started.set()
        for wake in list(self.listeners):
            wake()


class LogFeed:
    """Gives listeners a common tail of one log. Thread-safe."""

    def __init__(self, source: StreamSource, max_records: int = 10_000, max_bytes: int = 32 << 20) -> None:
        """At most so many records, with so many bytes as they stand on the log, are kept in memory."""
        self.source = source
        self.experiments = Experiments(source.log)
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._tail: Tail | None = None
        self.stopping = False
        """Whether the server ends, and every stream with it."""

    def join(self, wake: Callable[[], None]) -> Tail:
        """Return the tail; `wake` is called from its thread whenever there is news, until `leave`."""
        with self._turn:
            if self._tail is None or self._tail.failure is not None:
                self._tail = Tail(self.source, self._max_records, self._max_bytes)
            self._tail.listeners.add(wake)
            return self._tail

    def leave(self, tail: Tail, wake: Callable[[], None]) -> None:
        """Undo `join`; the last one ends the reading."""
        with self._turn:
            tail.listeners.discard(wake)
            if not tail.listeners:
                tail.stop()
                if self._tail is tail:
                    self._tail = None

    def stop(self) -> None:
        """Have every stream end with a last event that says where it stands."""
        self.stopping = True
        with self._turn:
            listeners = list(self._tail.listeners) if self._tail is not None else []
        for wake in listeners:
            wake()
