"""The log's topics on Kafka: which there are, in how many partitions, and with what settings.

Pure data; `trackstream topics create` and `trackstream topics check` act on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

MAX_RECORD_BYTES = 16 << 20
"""Largest record that a writer sends and a topic takes (`message.max.bytes`, `max.message.bytes`)."""
DEFAULT_PARTITIONS = 4
DEFAULT_RETENTION_MS = 7 * 24 * 3600 * 1000
"""Of the artifact bytes."""
LIMITED_RETENTION = frozenset({topics.ARTIFACT_BYTES})
"""Topics whose oldest records may be gone by intention: what is gone is in the blob store, as long as
the artifact sink is never further behind than the retention."""

SINGLE_PARTITION = topics.TOTALLY_ORDERED | {topics.DEAD_LETTERS, topics.SCHEMAS}
"""Topics that consumers do not share."""
_FOR_EVER = -1


@dataclass(frozen=True)
class KafkaTopic:
    """One topic as it should be."""

    name: str
    partitions: int
    retention_ms: int
    """-1: kept for ever."""
    compacted: bool = False
    """Only the last record of each key is kept."""

    def configs(self, replication: int) -> dict[str, str]:
        """Return the topic's settings, under Kafka's names, for `replication` copies."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(min_insync_replicas(replication)),
            "unclean.leader.election.enable": "false",
        }


def min_insync_replicas(replication: int) -> int:
    """Return how many copies must hold a record before it is acknowledged.

    Two of three survive the loss of any one broker, both in what they keep and in taking more.
    """
    return 2 if replication >= 3 else 1


def kafka_topics(
    partitions: int = DEFAULT_PARTITIONS, artifact_retention_ms: int = DEFAULT_RETENTION_MS
) -> tuple[KafkaTopic, ...]:
    """Return every topic; `partitions` is for those that consumers share.

    A topic's partitions are chosen once: with another number a key's later events would go to another
    partition than its earlier ones, and an entity's events would have no order.
    """
    if partitions < 1:
        raise InvalidInput("partitions", partitions, "a number from 1")
    if artifact_retention_ms != _FOR_EVER and artifact_retention_ms < 1:
        raise InvalidInput("artifact retention", artifact_retention_ms, "milliseconds from 1, or -1 for ever")
    return tuple(
        KafkaTopic(
            name,
            1 if name in SINGLE_PARTITION else partitions,
            artifact_retention_ms if name in LIMITED_RETENTION else _FOR_EVER,
            compacted=name == topics.SCHEMAS,
        )
        for name in topics.ALL_TOPICS
    )
