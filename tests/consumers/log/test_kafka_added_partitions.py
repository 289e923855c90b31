"""Partitions that a topic is given while it is read: noticed by groups, watches and readers that ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.kafka_cluster import ClusterLog
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_cluster import reader_settings
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_schemas import topics
from trackstream_schemas.kafka_connection import parse_kafka
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream_api.native.stack import Stack
    from trackstream_consumers.log.port import LogRecord

pytestmark = pytest.mark.integration

PATIENCE_S = 60.0
OLD, NEW = (TopicPartition(topics.RUNS, number) for number in (0, 1))


@pytest.fixture
def cluster(kafka_stack: Stack) -> ClusterLog:
    return ClusterLog(kafka_stack.kafka)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_watch_counts_them_as_part_of_the_log(cluster: ClusterLog) -> None:
    watch = KafkaLogWatch(cluster.uri, [topics.RUNS], {})
    try:
        cluster.append_raw((topics.RUNS, "run", b"x"))
        assert watch.ends() == {OLD: 1}
        # So that there is a reader that does not know of the partition either.
        assert watch.oldest_age_ms({OLD: 0}) >= 0
        cluster.add_partitions(topics.RUNS, 2)
        cluster.append_to(Position(topics.RUNS, 1, 0))
        until(lambda: watch.ends() == {OLD: 1, NEW: 1})
        assert watch.begins() == {OLD: 0, NEW: 0}
        assert watch.offsets_at(0) == {OLD: 0, NEW: 0}
        time.sleep(0.01)
        assert watch.oldest_age_ms({NEW: 0}) > 0
    finally:
        watch.close()


def test_a_group_reads_them_from_their_beginning(cluster: ClusterLog) -> None:
    often = {"TRACKSTREAM_KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS": "500"}
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], "trackstream.tests", lambda _: {OLD: 1}, often)
    found: list[LogRecord] = []
    try:
        cluster.append_raw(*[(topics.RUNS, "run", b"x")] * 2)

        def read(count: int) -> bool:
            found.extend(reader.poll(100, 0.05))
            return len(found) == count

        until(lambda: read(1))
        generation = reader.generation
        cluster.add_partitions(topics.RUNS, 2)
        cluster.append_to(Position(topics.RUNS, 1, 0))
        until(lambda: read(2))
        assert [record.position for record in found] == [(topics.RUNS, 0, 1), (topics.RUNS, 1, 0)]
        assert sorted(reader.assigned()) == [OLD, NEW]
        assert reader.generation > generation
    finally:
        reader.close()


def test_groups_look_for_them_more_often_than_the_client_would_by_itself() -> None:
    settings = reader_settings(parse_kafka("kafka://h", {}), "group")
    assert settings["topic.metadata.refresh.interval.ms"] == 10_000


def test_a_reader_without_a_group_reads_them_once_it_is_asked_to_look(cluster: ClusterLog) -> None:
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ={})
    try:
        cluster.append_raw(*[(topics.RUNS, "run", b"x")] * 3)
        assert [record.position.offset for record in reader.poll(2, PATIENCE_S)][:1] == [0]
        assert reader.refresh() == []
        cluster.add_partitions(topics.RUNS, 2)
        cluster.append_to(Position(topics.RUNS, 1, 0))
        added: list[TopicPartition] = []

        def noticed() -> bool:
            added.extend(reader.refresh())
            return bool(added)

        until(noticed)
        assert added == [NEW]
        reader.seek({OLD: 0})
        found: set[Position] = set()

        def read() -> bool:
            found.update(record.position for record in reader.poll(100, 0.05))
            return len(found) == 4

        until(read)
        assert {at for at in found if at.partition == 1} == {(topics.RUNS, 1, 0)}
    finally:
        reader.close()
