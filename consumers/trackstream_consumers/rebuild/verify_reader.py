"""A log reader that gives nothing at or behind a limit, which may be raised later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_schemas.position import TopicPartition


class BoundedReader:
    """A `LogReader` on another, which is closed with it. The limit may be raised by any thread."""

    def __init__(self, inner: LogReader, limit: Mapping[TopicPartition, int]) -> None:
        """Of a partition without a limit nothing is read."""
        self._inner = inner
        self._limit = limit

    @property
    def generation(self) -> int:
        """See `LogReader`."""
        return self._inner.generation

    def raise_to(self, limit: Mapping[TopicPartition, int]) -> None:
        """Read on up to, not including, these offsets."""
        self._limit = limit
        self._inner.wake()

    def assigned(self) -> list[TopicPartition]:
        """See `LogReader`."""
        return self._inner.assigned()

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """See `LogReader`."""
        self._inner.seek(positions)

    def positions(self) -> dict[TopicPartition, int]:
        """See `LogReader`."""
        return self._inner.positions()

    def poll(self, max_records: int, timeout: float) -> list[LogRecord]:
        """See `LogReader`."""
        limit = self._limit
        standing = self._inner.positions()
        self._inner.pause([at for at, offset in standing.items() if offset >= limit.get(at, 0)])
        self._inner.resume([at for at, offset in standing.items() if offset < limit.get(at, 0)])
        found = self._inner.poll(max_records, timeout)
        kept = [
            record
            for record in found
            if record.position.offset < limit.get(record.position.topic_partition, 0)
        ]
        if len(kept) < len(found):
            over = {record.position.topic_partition for record in found} & limit.keys()
            standing = self._inner.positions()
            self._inner.seek({at: limit[at] for at in over if standing[at] > limit[at]})
        return kept

    def end(self) -> dict[TopicPartition, int]:
        """See `LogReader`."""
        return self._inner.end()

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Not to be used: which partitions are paused follows from the limit."""
        raise NotImplementedError

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Not to be used: which partitions are paused follows from the limit."""
        raise NotImplementedError

    def applied(self, positions: Mapping[TopicPartition, int]) -> None:
        """See `LogReader`."""
        self._inner.applied(positions)

    def wake(self) -> None:
        """See `LogReader`."""
        self._inner.wake()

    def close(self) -> None:
        """See `LogReader`."""
        self._inner.close()
