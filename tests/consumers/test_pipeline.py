"""All consumers together: the read barrier, status, pausing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.consumers import story
from tests.consumers.tables import scalar
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.pipeline import PartitionStatus, Pipeline
from trackstream_schemas import topics
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.consumers.direct_log import DirectLog
    from trackstream_consumers.engine import Engine


@pytest.fixture
def pipeline(engine: Engine, log: DirectLog, tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(
        engine,
        lambda names: SqliteLogReader(log.path, names),
        DirectoryBlobStore(tmp_path / "blobs"),
        tmp_path / "uploads",
        log.dead_letters,
    )
    yield made
    made.close()


def test_whoever_waits_sees_what_was_written_before(
    pipeline: Pipeline, log: DirectLog, engine: Engine
) -> None:
    pipeline.start()
    for number in range(5):
        log.log(story.metrics("r", 20 * number))
        assert pipeline.wait_until_current(60)
        assert scalar(engine, "SELECT count() FROM metric_points FINAL") == 20 * (number + 1)


def test_nobody_waits_longer_than_the_limit(pipeline: Pipeline, log: DirectLog) -> None:
    assert pipeline.wait_until_current(0)
    log.log(*story.bodies())
    assert not pipeline.wait_until_current(0.01)
    assert pipeline.lag_ms() > 0
    pipeline.catch_up()
    assert pipeline.wait_until_current(0)
    assert pipeline.lag_ms() == 0


def test_status_names_every_partition(pipeline: Pipeline, log: DirectLog) -> None:
    log.log(story.metrics("r", 0))
    assert PartitionStatus("metrics", topics.METRICS, 0, 0, 1) in pipeline.status()
    pipeline.catch_up()
    assert PartitionStatus("metrics", topics.METRICS, 0, 1, 1) in pipeline.status()
    assert {(line.topic, line.partition) for line in pipeline.status()} == {
        (topic, 0) for topic in topics.EVENT_TOPICS
    }


def test_paused_consumers_do_nothing_and_go_on(pipeline: Pipeline, log: DirectLog) -> None:
    pipeline.start()
    metrics = TopicPartition(topics.METRICS, 0)
    with pipeline.paused():
        log.log(story.metrics("r", 0))
        assert {consumer.progress.snapshot().state for consumer in pipeline.consumers} == {"stopped"}
        pipeline.nudge()
        assert all(
            metrics not in c.progress.snapshot().positions or not c.progress.snapshot().positions[metrics]
            for c in pipeline.consumers
        )
    assert pipeline.wait_until_current(60)


def test_a_failed_consumer_ends_the_wait(pipeline: Pipeline, log: DirectLog) -> None:
    log.log(*story.bodies())
    log.remove(topics.METRICS, below=1)
    pipeline.start()
    assert not pipeline.wait_until_current(600)
