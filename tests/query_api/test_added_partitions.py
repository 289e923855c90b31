"""Partitions that were added to a topic: told by the checks, and no read claims to be current without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.kafka_cluster import ClusterLog
from trackstream.log.kafka import KafkaLogWriter
from trackstream.log.port import EncodedEvent
from trackstream_api.barrier import Barrier
from trackstream_api.cli.root import cli
from trackstream_api.kafka_admin import check_topics
from trackstream_api.partition_checks import more_than_others, partition_of
from trackstream_api.stored_positions import StoredPositions, StoredProjection
from trackstream_consumers import store
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from trackstream_api.native.stack import Stack
    from trackstream_consumers.engine import Engine

KEYS = 40


@pytest.fixture
def cluster(kafka_stack: Stack) -> ClusterLog:
    return ClusterLog(kafka_stack.kafka, partitions=4)


def log(cluster: ClusterLog, keys: list[str]) -> list[Position]:
    """Append a run's start under each key, as the product does."""
    writer = KafkaLogWriter(cluster.uri, {})
    try:
        bodies = [e.RunStarted(key, "0", "a run", 1_700_000_000_000) for key in keys]
        messages = [codec.encode(e.Event(e.Envelope(new_id(), 1, "p", n), b)) for n, b in enumerate(bodies)]
        encoded = [EncodedEvent(topics.RUNS, key, value) for key, value in zip(keys, messages, strict=True)]
        return writer.append(encoded).result(60)
    finally:
        writer.close()


@pytest.mark.integration
def test_a_topic_that_was_given_partitions_is_named_with_what_it_means(cluster: ClusterLog) -> None:
    keys = [new_id() for _ in range(KEYS)]
    positions = log(cluster, keys)
    assert [at.partition for at in positions] == [partition_of(key.encode(), 4) for key in keys]
    assert check_topics(cluster.uri, environ={}) == []
    cluster.add_partitions(topics.RUNS, 6)
    [finding] = check_topics(cluster.uri, environ={})
    assert (finding.topic, finding.severity) == (cluster.prefix + topics.RUNS, "fail")
    assert "has 6 partitions now, and was made with another number" in finding.problem
    assert "a key's events are not in order" in finding.problem
    assert "partitions are chosen once" in finding.remedy
    told = CliRunner().invoke(cli, ["topics", "check", "--uri", cluster.uri])
    assert told.exit_code != 0
    assert "has 6 partitions now" in told.output


@pytest.mark.integration
def test_without_records_that_tell_a_larger_number_is_a_warning(cluster: ClusterLog) -> None:
    cluster.add_partitions(topics.METRICS, 5)
    cluster.add_partitions(topics.REGISTRY, 2)
    found = {finding.topic: finding for finding in check_topics(cluster.uri, environ={})}
    metrics, registry = (
        found.pop(cluster.prefix + topics.METRICS),
        found.pop(cluster.prefix + topics.REGISTRY),
    )
    assert not found
    assert (metrics.severity, registry.severity) == ("warn", "fail")
    assert "has 5 partitions where others have 4" in metrics.problem
    assert "has 2 partitions, should have 1" in registry.problem


@pytest.mark.integration
def test_doctor_names_what_failed_once(kafka_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = f"t{new_id()[-12:]}."
    monkeypatch.setenv("TRACKSTREAM_KAFKA", f"kafka://{kafka_stack.kafka}?topic.prefix={prefix}")
    monkeypatch.setenv("TRACKSTREAM_CLICKHOUSE", "http://127.0.0.1:1")
    monkeypatch.delenv("TRACKSTREAM_URI", raising=False)
    told = CliRunner().invoke(cli, ["doctor"])
    assert told.exit_code == 1
    assert told.output.count("is missing") == len(topics.ALL_TOPICS)
    assert str(
        told.exception
    ) == "failed: topics, clickhouse, blobs" or "failed: topics, clickhouse, blobs" in (told.output)


@pytest.mark.integration
def test_a_read_does_not_claim_to_be_current_while_nobody_projects_them(
    cluster: ClusterLog, engine: Engine
) -> None:
    watch = KafkaLogWatch(cluster.uri, [topics.RUNS], {})
    projection = StoredProjection("entities", (topics.RUNS,), StoredPositions(engine))
    barrier = Barrier(watch, [projection], patience=0.2)
    added = TopicPartition(topics.RUNS, 4)
    try:
        barrier.wait((topics.RUNS,))
        assert barrier.lag_ms((topics.RUNS,)) == 0
        cluster.add_partitions(topics.RUNS, 5)
        cluster.append_to(Position(*added, 0))
        until = time.monotonic() + 60
        while added not in barrier.log_end():
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(Unavailable, match="the entities projector did not catch up"):
            barrier.wait((topics.RUNS,))
        assert barrier.lag_ms((topics.RUNS,)) > 0
        store.save_positions(engine, "entities", {added: 1})
        barrier.wait((topics.RUNS,))
    finally:
        watch.close()


def test_more_than_others() -> None:
    assert more_than_others({}) == {}
    assert more_than_others({"a": 4, "b": 4}) == {}
    assert more_than_others({"a": 4, "b": 6, "c": 5}) == {"b": 4, "c": 4}
