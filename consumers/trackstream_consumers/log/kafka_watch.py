"""How far a Kafka log reaches, and how old a record of it is: for any thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.log.kafka import KafkaLogReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trackstream_consumers.errors import RecordsLost
    from trackstream_schemas.position import TopicPartition

_AGE_SECONDS = 2.0
_AGE_GOOD_FOR_SECONDS = 1.0
_PARTITIONS_GOOD_FOR_SECONDS = 2.0


class _Aged(NamedTuple):
    offset: int
    appended_at: int
    found: float


class KafkaLogWatch:
    """Asks the cluster at `uri`, through readers of its own that belong to no group.

    Partitions that a topic is given while this watches are seen within 2 s: what stands in them is then part
    of the log, whether or not somebody projects it. Raises what `KafkaLogReader` raises.
    """

    def __init__(self, uri: str, topics: Iterable[str], environ: Mapping[str, str] | None = None) -> None:
        self._uri = uri
        self._topics = tuple(topics)
        self._environ = environ
        self._reader = KafkaLogReader(uri, self._topics, environ=environ)
        self._turn = threading.Lock()
        self._refreshed = time.monotonic()
        self._asked = float("-inf")
        self._ends: dict[TopicPartition, int] = {}
        self._ages_turn = threading.Lock()
        self._ages_reader: KafkaLogReader | None = None
        self._aged: dict[TopicPartition, _Aged] = {}

    def ends(self) -> dict[TopicPartition, int]:
        """Return for every partition the offset that the next record will get, as of now or later."""
        arrived = time.monotonic()
        with self._turn:
            # Whoever waited for the turn shares an answer that was asked for after it arrived.
            if self._asked < arrived:
                asked = time.monotonic()
                self._ends = self._current_reader().end()
                self._asked = asked
            return self._ends

    def begins(self) -> dict[TopicPartition, int]:
        """Return for every partition the first offset that the cluster still has."""
        with self._turn:
            return self._current_reader().begin()

    def offsets_at(self, millis: int) -> dict[TopicPartition, int]:
        """Return for every partition the first offset that the cluster took at or after this time."""
        with self._turn:
            return self._current_reader().offsets_at(millis)

    def oldest_age_ms(self, projected: Mapping[TopicPartition, int]) -> int:
        """Return how long ago the log took the oldest record at or behind these offsets; 0 without any.

        Of records that retention has removed nobody knows the age: the first that is left counts. The
        answer may be up to a second too high, and leaves out a partition whose record does not come within
        2 s.
        """
        with self._ages_turn:
            recent = time.monotonic() - _AGE_GOOD_FOR_SECONDS
            wanted = {}
            for partition, offset in projected.items():
                known = self._aged.get(partition)
                current = known is not None and (
                    known.offset == offset or (known.offset < offset and known.found >= recent)
                )
                if not current:
                    wanted[partition] = offset
            if wanted:
                self._look_up(wanted)
            taken = [self._aged[partition].appended_at for partition in projected if partition in self._aged]
        return max(0, time.time_ns() // 1_000_000 - min(taken)) if taken else 0

    def close(self) -> None:
        """Release the connections."""
        with self._turn:
            self._reader.close()
        with self._ages_turn:
            if self._ages_reader is not None:
                self._ages_reader.close()

    def _current_reader(self) -> KafkaLogReader:
        """Return the reader, which then knows the partitions that there are now."""
        if time.monotonic() - self._refreshed >= _PARTITIONS_GOOD_FOR_SECONDS:
            asked = time.monotonic()
            self._reader.refresh()
            self._refreshed = asked
        return self._reader

    def _look_up(self, wanted: Mapping[TopicPartition, int]) -> None:
        if self._ages_reader is None:
            self._ages_reader = KafkaLogReader(
                self._uri,
                self._topics,
                environ=self._environ,
                max_bytes=1 << 20,
                on_loss=_go_on,
            )
        reader = self._ages_reader
        if not wanted.keys() <= set(reader.assigned()):
            reader.refresh()
        everything = reader.assigned()
        missing = set(wanted)
        for partition in wanted:
            self._aged.pop(partition, None)
        reader.pause([partition for partition in everything if partition not in wanted])
        reader.resume(list(wanted))
        reader.seek(wanted)
        deadline = time.monotonic() + _AGE_SECONDS
        while missing and (left := deadline - time.monotonic()) > 0:
            for record in reader.poll(1000, left):
                partition = record.position.topic_partition
                if partition in missing:
                    missing.remove(partition)
                    self._aged[partition] = _Aged(wanted[partition], record.appended_at, time.monotonic())
                    reader.pause([partition])
        reader.pause(everything)


def _go_on(loss: RecordsLost) -> None:
    """To tell of it is for whoever projects."""
