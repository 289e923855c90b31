"""What the Kafka reader asks of librdkafka (settings) and of the cluster (partitions and their offsets)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_schemas.errors import Unavailable
from trackstream_schemas.kafka_errors import error_of, error_of_exception, needs_a_hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import confluent_kafka as ck

    from trackstream_schemas.errors import TrackstreamError
    from trackstream_schemas.kafka_connection import KafkaConnection

_FIRST_PATIENCE_S = 0.25
_PAUSE_S = 0.02
_LOOK_FOR_PARTITIONS_MS = 10_000
_SOON_OVER = frozenset({"_UNKNOWN_PARTITION", "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE"})
"""What the client says while no broker answers or one has just started, and what a broker says that has not
heard yet which partitions it leads."""


def reader_settings(connection: KafkaConnection, group: str | None) -> dict[str, object]:
    """Return the settings of a reader in `group`, or of one that reads all; what the user gave wins."""
    own: dict[str, object] = {
        # Kafka's client wants a name even where no group is joined.
        "group.id": connection.on_cluster(group or "trackstream.reader"),
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # An offset that is not there is told, never replaced by another.
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "allow.auto.create.topics": False,
        # What is fetched ahead, of all partitions together, and the largest answer of one.
        "queued.max.messages.kbytes": 32 << 10,
        "fetch.message.max.bytes": 4 << 20,
        # A partition that is newly read waits until the answer that is under way has come.
        "fetch.wait.max.ms": 100,
        "fetch.queue.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2_000,
        # How soon a group notices that a topic has been given partitions; librdkafka's own is 5 minutes.
        "topic.metadata.refresh.interval.ms": _LOOK_FOR_PARTITIONS_MS,
        "log.connection.close": False,
    }
    return connection.client_settings(own, without=() if group is not None else ("group.instance.id",))


def find_partitions(
    consumer: ck.Consumer,
    topics: Iterable[str],
    timeout: float,
    refused: Callable[[], TrackstreamError | None],
) -> list[ck.TopicPartition]:
    """Return the partitions of the topics (by their names on the cluster).

    `refused` tells whether the consumer's error callback has heard that the log-in is refused. Raises
    Unavailable where the cluster does not answer within `timeout` seconds, StorageFailed where it refuses
    or has no such topic.
    """
    from confluent_kafka import KafkaException, TopicPartition

    deadline = time.monotonic() + timeout
    found: list[ck.TopicPartition] = []
    for topic in topics:
        patience = _FIRST_PATIENCE_S
        while True:
            # Callbacks are heard of only within a poll.
            consumer.poll(0)
            left = deadline - time.monotonic()
            try:
                described = consumer.list_topics(topic, timeout=max(0.01, min(patience, left))).topics[topic]
                error = described.error
                if error is None:
                    found += [TopicPartition(topic, number) for number in sorted(described.partitions)]
                    break
            except KafkaException as failure:
                error = failure.args[0]
            if needs_a_hand(error):
                raise error_of(error, f"the log's topic {topic}")
            refusal = refused()
            if refusal is not None:
                raise refusal
            if time.monotonic() >= deadline:
                raise error_of(error, "the log cannot be reached")
            time.sleep(_PAUSE_S)
            patience *= 2
    return found


def list_partitions(consumer: ck.Consumer, topics: Iterable[str], timeout: float) -> list[ck.TopicPartition]:
    """Return the partitions that the topics have now; for a consumer that is connected already.

    Unlike `find_partitions` it takes no message out of the consumer's queue. Raises Unavailable, or
    StorageFailed for a topic that is gone.
    """
    from confluent_kafka import KafkaException, TopicPartition

    found: list[ck.TopicPartition] = []
    for topic in topics:
        try:
            described = consumer.list_topics(topic, timeout=timeout).topics[topic]
        except KafkaException as failure:
            raise error_of_exception(failure, f"asking for the partitions of {topic}") from failure
        if described.error is not None:
            raise error_of(described.error, f"the log's topic {topic}")
        found += [TopicPartition(topic, number) for number in sorted(described.partitions)]
    return found


def find_offsets(
    consumer: ck.Consumer,
    asked: list[ck.TopicPartition],
    timeout: float,
    refused: Callable[[], TrackstreamError | None],
) -> list[ck.TopicPartition]:
    """Return the offset of each partition for the time (or ListOffsets's sign) that stands in its offset.

    For `refused` and what is raised see `find_partitions`.
    """
    from confluent_kafka import KafkaException

    if not asked:
        return []
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = consumer.offsets_for_times(asked, timeout=timeout)
        except KafkaException as failure:
            refusal = refused()
            if refusal is not None:
                raise refusal from failure
            what, error = "asking for the log's end", failure.args[0]
        else:
            failed = next((answer for answer in found if answer.error is not None), None)
            if failed is None:
                return found
            what, error = f"{failed.topic}, partition {failed.partition}", failed.error
        if error.name() not in _SOON_OVER:
            raise error_of(error, what)
        if time.monotonic() >= deadline:
            raise Unavailable(f"{what}: {error.str()}")
        time.sleep(_PAUSE_S)
