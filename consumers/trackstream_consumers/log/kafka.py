"""Reads the log's topics from a Kafka cluster: all partitions, or a share as a member of a group."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.errors import LogBehindProjection, RecordsLost
from trackstream_consumers.log.kafka_cluster import (
    find_offsets,
    find_partitions,
    list_partitions,
    reader_settings,
)
from trackstream_consumers.log.kafka_values import ValueDecoder
from trackstream_consumers.log.port import LogRecord
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable
from trackstream_schemas.kafka_connection import parse_kafka
from trackstream_schemas.kafka_errors import error_of, error_of_exception, needs_a_hand, setting_error
from trackstream_schemas.kafka_log import logger
from trackstream_schemas.kafka_topics import LIMITED_RETENTION
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import confluent_kafka as ck

_SLICE_S = 0.02
_AT_ONCE = 1000
_NO_OFFSET = -1001
"""What librdkafka calls RD_KAFKA_OFFSET_INVALID."""
_FIRST, _END = -2, -1
"""ListOffsets's timestamps for the first and the next offset. Source: Kafka protocol, ListOffsets."""


class _Raw(NamedTuple):
    partition: TopicPartition
    offset: int
    key: bytes
    value: bytes
    appended_at: int


class KafkaLogReader:
    """A `LogReader` over the topics of the cluster at `uri` (kafka://host:9092[,…][?option=value]).

    Without a `group` it reads all partitions of the topics, as they are when it is made or last asked to
    `refresh`. With one it shares them, and those that are added later, with the other readers of the group:
    what is `assigned` then changes within `poll`, which
    counts `generation` up and returns at once. Records that came from a partition that is no longer
    assigned must then be forgotten: whoever has the partition now reads them again. A partition that is
    newly assigned is read from where `start_positions` says, which is asked in the thread that polls, at
    the beginning of the next `poll`; what it raises comes out of that `poll`, and the one after asks
    again. The group's committed offsets are never read: they are written (`applied`) for people and
    tools who look at a group's lag.

    Offsets may have gaps (compaction, transactions); records that retention removed before they were read
    are RecordsLost, except of the topics with LIMITED_RETENTION. A `poll` that was told of such a loss, or
    of a topic that is gone, raises the same until `seek` goes elsewhere.

    Raises InvalidInput for an address or setting that is not understood, Unavailable where the cluster
    does not answer within `timeout` seconds, StorageFailed where a topic is missing or the log-in refused.
    """

    def __init__(
        self,
        uri: str,
        topics: Iterable[str],
        group: str | None = None,
        start_positions: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]] | None = None,
        environ: Mapping[str, str] | None = None,
        max_bytes: int = 8 << 20,
        timeout: float = 10.0,
        on_loss: Callable[[RecordsLost], None] | None = None,
    ) -> None:
        """`environ` holds the settings TRACKSTREAM_KAFKA_… (default: this process's environment).

        With `on_loss` a loss does not end the reading: it is told to this function, within `poll`, and when
        that returns, the partition is read on behind it; what it raises comes out of the `poll`.
        """
        from confluent_kafka import Consumer, KafkaException

        if (group is None) != (start_positions is None):
            raise ValueError("a group and start_positions go together")
        self._connection = connection = parse_kafka(uri, environ)
        self._group = group
        self._topics = [connection.on_cluster(topic) for topic in topics]
        self._start_positions = start_positions
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._on_loss = on_loss
        self._decoder = ValueDecoder(connection)
        self.generation = 0
        """Counts the changes of `assigned` that a group has made."""
        self._positions: dict[TopicPartition, int] = {}
        self._unfetched: set[TopicPartition] = set()
        self._awaiting: list[TopicPartition] = []
        self._paused: set[TopicPartition] = set()
        self._broken: dict[TopicPartition, TrackstreamError] = {}
        self._collected: list[_Raw] = []
        self._refused: TrackstreamError | None = None
        self._away: TrackstreamError | None = None
        self._woken = threading.Event()
        self._closed = False
        settings = reader_settings(connection, group)
        try:
            self._consumer = Consumer({**settings, "error_cb": self._on_error, "logger": logger})
        except KafkaException as error:
            raise setting_error(error) from None
        try:
            found = find_partitions(self._consumer, self._topics, timeout, lambda: self._refused)
            if group is None:
                self._positions = {self._ours(at): 0 for at in found}
                self._unfetched = set(self._positions)
            else:
                self._consumer.subscribe(
                    self._topics,
                    on_assign=self._on_assign,
                    on_revoke=self._on_revoke,
                    on_lost=self._on_revoke,
                )
        except BaseException:
            self._consumer.close()
            raise

    def assigned(self) -> list[TopicPartition]:
        return list(self._positions)

    def refresh(self) -> list[TopicPartition]:
        """See `Growing`; only for a reader without a group. Raises what the constructor raises."""
        found = [self._ours(at) for at in list_partitions(self._consumer, self._topics, self._timeout)]
        new = [partition for partition in found if partition not in self._positions]
        self._positions.update(dict.fromkeys(new, 0))
        self._unfetched.update(new)
        return new

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        for partition in positions:
            if partition not in self._positions:
                raise ValueError(f"{partition} is not assigned to this reader")
        self._collected = [raw for raw in self._collected if raw.partition not in positions]
        for partition, offset in positions.items():
            self._positions[partition] = offset
            self._broken.pop(partition, None)
            self._unfetched.add(partition)

    def positions(self) -> dict[TopicPartition, int]:
        return dict(self._positions)

    def poll(self, max_records: int, timeout: float) -> list[LogRecord]:
        deadline = time.monotonic() + timeout
        self._start_awaiting()
        generation = self.generation
        while not self._collected:
            self._raise_troubles()
            self._fetch_unfetched()
            left = deadline - time.monotonic()
            self._collect(max_records, max(0.0, min(_SLICE_S, left)))
            if self.generation != generation or left <= 0:
                break
            if self._woken.is_set():
                self._woken.clear()
                break
        return self._hand_out(max_records)

    def end(self) -> dict[TopicPartition, int]:
        return self._offsets(list(self._positions), _END)

    def begin(self) -> dict[TopicPartition, int]:
        """Return for each assigned partition the first offset that the cluster still has."""
        return self._offsets(list(self._positions), _FIRST)

    def offsets_at(self, millis: int) -> dict[TopicPartition, int]:
        """Return for each assigned partition the first offset taken at or after this time, or its end."""
        partitions = list(self._positions)
        ends = self._offsets(partitions, _END)
        found = self._offsets(partitions, max(0, millis))
        return {at: offset if offset >= 0 else ends[at] for at, offset in found.items()}

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Leave these partitions out of `poll` until `resume`; polling on keeps a group's membership."""
        self._paused.update(partitions)
        running = [part for part in partitions if part in self._positions and part not in self._unfetched]
        self._consumer.pause([self._at(partition) for partition in running])

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused.difference_update(partitions)
        running = [part for part in partitions if part in self._positions and part not in self._unfetched]
        self._consumer.resume([self._at(partition) for partition in running])

    def wake(self) -> None:
        self._woken.set()

    def applied(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group, for tools that show its lag; never waits, never raises."""
        from confluent_kafka import KafkaException

        if self._group is None:
            return
        offsets = [
            self._at(partition, offset)
            for partition, offset in positions.items()
            if partition in self._positions
        ]
        try:
            if offsets:
                self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            logger.info("the group's offsets could not be committed: %s", error)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._consumer.close()
            self._decoder.close()

    def _collect(self, max_records: int, wait: float) -> None:
        """Wait for a first message, then take what is there."""
        first = self._consumer.poll(wait)
        if first is None:
            return
        self._take(first)
        size = len(first.value() or b"")
        while len(self._collected) < max_records and size < self._max_bytes:
            messages = self._consumer.consume(min(_AT_ONCE, max_records - len(self._collected)), 0)
            if not messages:
                return
            for message in messages:
                self._take(message)
                size += len(message.value() or b"")

    def _take(self, message: ck.Message) -> None:
        topic = self._connection.topic_of(message.topic() or "")
        partition = TopicPartition(topic, _number(message.partition()))
        error = message.error()
        if error is not None:
            self._take_error(partition, error, message)
            return
        if partition not in self._positions or partition in self._broken:
            return
        offset = _number(message.offset())
        key, value = message.key() or b"", message.value() or b""
        self._positions[partition] = offset + 1
        self._collected.append(_Raw(partition, offset, key, value, message.timestamp()[1]))

    def _take_error(self, partition: TopicPartition, error: ck.KafkaError, message: ck.Message) -> None:
        name = error.name()
        if name == "_PARTITION_EOF":
            # The end may lie behind more than the last record: markers of transactions, compaction.
            if partition in self._positions:
                end = _number(message.offset())
                self._positions[partition] = max(self._positions[partition], end)
        elif name in ("_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE", "_LOG_TRUNCATION"):
            if partition in self._positions:
                self._find_loss(partition)
        elif name == "_MAX_POLL_EXCEEDED":
            logger.warning("not polled for max.poll.interval.ms: the group gave the partitions to others")
        elif partition in self._positions and needs_a_hand(error):
            self._broken[partition] = error_of(error, f"{partition.topic}, partition {partition.partition}")
        elif needs_a_hand(error):
            self._refused = error_of(error, f"reading {partition.topic or 'the log'}")
        else:
            self._away = error_of(error, f"reading {partition.topic or 'the log'}")

    def _find_loss(self, partition: TopicPartition) -> None:
        """Kafka does not have the offset that we want to read at: tell what happened, or begin anew."""
        wanted = self._positions[partition]
        first = self._offsets([partition], _FIRST)[partition]
        end = self._offsets([partition], _END)[partition]
        self._unfetched.add(partition)
        if wanted < first:
            if partition.topic in LIMITED_RETENTION:
                self._positions[partition] = first
            else:
                self._broken[partition] = RecordsLost(partition, wanted, first)
        elif wanted > end:
            self._broken[partition] = LogBehindProjection(partition, wanted, end)

    def _hand_out(self, max_records: int) -> list[LogRecord]:
        """Return what was collected; it stays where a registry that is away keeps it from being read."""
        raw = self._collected[:max_records]
        records = [
            LogRecord(
                Position(*item.partition, item.offset),
                item.key.decode(errors="replace"),
                self._decoder.single_object(item.value),
                item.appended_at,
            )
            for item in raw
        ]
        del self._collected[: len(raw)]
        return records

    def _raise_troubles(self) -> None:
        for partition, trouble in list(self._broken.items()):
            if self._on_loss is None or not isinstance(trouble, RecordsLost):
                raise trouble
            self._on_loss(trouble)
            self.seek({partition: trouble.found})
        if self._refused is not None:
            refused, self._refused = self._refused, None
            raise refused
        if self._away is not None:
            away, self._away = self._away, None
            raise away

    def _start_awaiting(self) -> None:
        """Begin to read the partitions that the group has assigned since the last poll."""
        if self._awaiting and self._start_positions is not None:
            found = self._start_positions(tuple(self._awaiting))
            for partition in self._awaiting:
                self._positions[partition] = found.get(partition, 0)
                self._unfetched.add(partition)
            self._awaiting = []
            self.generation += 1

    def _fetch_unfetched(self) -> None:
        """Have Kafka send from `positions` what is not yet sent, or no longer from the right place."""
        from confluent_kafka import KafkaException

        wanted = sorted(self._unfetched - self._broken.keys())
        if not wanted:
            return
        try:
            assigned = {self._ours(at) for at in self._consumer.assignment()}
            again = [self._at(partition) for partition in wanted if partition in assigned]
            if again:
                self._consumer.incremental_unassign(again)
            self._consumer.incremental_assign(
                [self._at(partition, self._positions[partition]) for partition in wanted]
            )
            self._consumer.pause([self._at(part) for part in wanted if part in self._paused])
        except KafkaException as error:
            raise error_of_exception(error, "beginning to read the log") from error
        self._unfetched.difference_update(wanted)

    def _at(self, partition: TopicPartition, offset: int = _NO_OFFSET) -> ck.TopicPartition:
        from confluent_kafka import TopicPartition as KafkaPartition

        return KafkaPartition(self._connection.on_cluster(partition.topic), partition.partition, offset)

    def _ours(self, at: ck.TopicPartition) -> TopicPartition:
        return TopicPartition(self._connection.topic_of(at.topic), at.partition)

    def _offsets(self, partitions: list[TopicPartition], which: int) -> dict[TopicPartition, int]:
        asked = [self._at(partition, which) for partition in partitions]
        found = find_offsets(self._consumer, asked, self._timeout, lambda: self._refused)
        return {self._ours(answer): answer.offset for answer in found}

    # What follows is called within the consumer's methods, in the thread that calls them.

    def _on_assign(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        # To ask the store here could take longer than the group waits, or fail with nobody to tell.
        consumer.incremental_assign([])
        self._awaiting += [self._ours(new) for new in partitions]
        self.generation += 1

    def _on_revoke(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        gone = {self._ours(old) for old in partitions}
        assigned = [at for at in consumer.assignment() if self._ours(at) in gone]
        consumer.incremental_unassign(assigned)
        self._awaiting = [partition for partition in self._awaiting if partition not in gone]
        self._collected = [raw for raw in self._collected if raw.partition not in gone]
        self._unfetched -= gone
        for partition in gone:
            self._positions.pop(partition, None)
            self._broken.pop(partition, None)
        self.generation += 1

    def _on_error(self, error: ck.KafkaError) -> None:
        if error.fatal():
            self._refused = StorageFailed(f"the Kafka client failed: {error.str()}")
        elif needs_a_hand(error):
            self._refused = error_of(error, "the log does not let us in")
        elif error.name() == "_ALL_BROKERS_DOWN":
            self._away = Unavailable(f"no broker of the log answers: {error.str()}")


def _number(value: int | None) -> int:
    return -1 if value is None else value
