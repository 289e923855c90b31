"""Kafka topics as data."""

from __future__ import annotations

import pytest

from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.kafka_topics import kafka_topics


def test_every_topic_is_there_and_nothing_is_ever_removed_but_artifact_bytes() -> None:
    found = {topic.name: topic for topic in kafka_topics(8)}
    assert tuple(found) == topics.ALL_TOPICS
    for name, topic in found.items():
        configs = topic.configs(3)
        assert (configs["retention.ms"] == "-1") == (name != topics.ARTIFACT_BYTES)
        assert configs["retention.bytes"] == "-1"
        assert configs["cleanup.policy"] == ("compact" if name == topics.SCHEMAS else "delete")
        assert configs["message.timestamp.type"] == "LogAppendTime"
        single = (topics.REGISTRY, topics.DEAD_LETTERS, topics.SCHEMAS)
        assert topic.partitions == (1 if name in single else 8)


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_copies_that_must_hold_a_record(replication: int, in_sync: str) -> None:
    for topic in kafka_topics():
        assert topic.configs(replication)["min.insync.replicas"] == in_sync


@pytest.mark.parametrize(("partitions", "retention"), [(0, 1), (-1, 1), (1, 0), (1, -2)])
def test_numbers_that_make_no_sense(partitions: int, retention: int) -> None:
    with pytest.raises(InvalidInput):
        kafka_topics(partitions, retention)
