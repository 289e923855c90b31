"""What the Kafka reader asks of librdkafka (its settings) and of the cluster (its partitions)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_schemas.kafka_errors import error_of, needs_a_hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import confluent_kafka as ck

    from trackstream_schemas.errors import TrackstreamError
    from trackstream_schemas.kafka_connection import KafkaConnection

_FIRST_PATIENCE_S = 0.25


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
            time.sleep(0.02)
            patience *= 2
    return found
