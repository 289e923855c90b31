"""What the log holds already, in the order in which it took it."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.stream.source import StreamSource
    from trackstream_consumers.log.port import LogRecord
    from trackstream_schemas.position import TopicPartition

_POLL_SECONDS = 1.0
_POLL_RECORDS = 100
_RANK = {topic: rank for rank, topic in enumerate(topics.EVENT_TOPICS)}


def story_order(record: LogRecord) -> tuple[int, int]:
    """Return what orders records of different partitions: when the log took them, then their topics."""
    return record.appended_at, _RANK[record.position.topic]


class CatchUp:
    """Reads the topics `names` from `start` up to ends that can be moved on. Used by one thread at a time.

    Partitions have no order between them; here the time at which the log took a record merges them, so that
    what is shown reads as a story. Within a partition the order is the log's own.
    """

    def __init__(
        self, source: StreamSource, names: Sequence[str], start: Mapping[TopicPartition, int]
    ) -> None:
        """Partitions that `start` does not name are read from their beginning."""
        self._reader = source.open_reader(names)
        assigned = self._reader.assigned()
        self._reader.seek({partition: start[partition] for partition in assigned if partition in start})
        self._buffers: dict[TopicPartition, deque[LogRecord]] = {partition: deque() for partition in assigned}
        self._heap: list[tuple[int, int, TopicPartition]] = []
        self._ends = self._reader.end()

    def positions(self) -> dict[TopicPartition, int]:
        """Return for each partition where the next record will be taken from."""
        reached = self._reader.positions()
        return {
            partition: buffer[0].position.offset if buffer else reached[partition]
            for partition, buffer in self._buffers.items()
        }

    def move_on(self) -> None:
        """Let the log's end of now be what is read up to."""
        self._ends = self._reader.end()

    def take(self, most: int) -> list[LogRecord]:
        """Return the next records; none once the ends are reached."""
        found: list[LogRecord] = []
        while len(found) < most:
            # One partition without its next record could hide the oldest of all.
            self._fill()
            if not self._heap:
                break
            while self._heap and len(found) < most:
                partition = heapq.heappop(self._heap)[-1]
                buffer = self._buffers[partition]
                found.append(buffer.popleft())
                if buffer:
                    self._push(partition)
                elif self._is_short(partition):
                    break
        return found

    def close(self) -> None:
        """Release the reader."""
        self._reader.close()

    def _fill(self) -> None:
        """Have a record of every partition that is not at its end."""
        short = [partition for partition, buffer in self._buffers.items() if not buffer]
        while short := [partition for partition in short if self._is_short(partition)]:
            self._reader.pause([partition for partition in self._buffers if partition not in short])
            self._reader.resume(short)
            for record in self._reader.poll(_POLL_RECORDS, _POLL_SECONDS):
                partition = record.position.topic_partition
                buffer = self._buffers[partition]
                buffer.append(record)
                if len(buffer) == 1:
                    self._push(partition)

    def _is_short(self, partition: TopicPartition) -> bool:
        at_end = self._reader.positions()[partition] >= self._ends[partition]
        return not self._buffers[partition] and not at_end

    def _push(self, partition: TopicPartition) -> None:
        first = self._buffers[partition][0]
        heapq.heappush(self._heap, (*story_order(first), partition))
