"""/health and /metrics of a consumer process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.consumers.direct_log import DirectLog
from trackstream_api.consumer_health import ConsumerHealth
from trackstream_api.log_watch import SqliteLogWatch
from trackstream_consumers.consumer import Consumer
from trackstream_consumers.dead_letters import DeadLetterLimits
from trackstream_consumers.errors import SlowDown, TooManyDeadLetters
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_consumers.engine import Engine

PARTITIONS = 2
UNKNOWN_SCHEMA = codec.MARKER + b"a message of later times"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DirectLog]:
    made = DirectLog(tmp_path / "log.db", PARTITIONS)
    yield made
    made.close()


@pytest.fixture
def consumer(log: DirectLog, engine: Engine) -> Iterator[Consumer]:
    projector = EntityProjector(engine)
    reader = SqliteLogReader(log.path, projector.topics)
    made = Consumer(reader, projector, log.dead_letters, limits=DeadLetterLimits(in_a_row=2))
    yield made
    made.close()


@pytest.fixture
def health(log: DirectLog, consumer: Consumer) -> Iterator[str]:
    watch = SqliteLogWatch(log.path)
    served = ConsumerHealth([consumer], watch, "127.0.0.1", 0)
    yield served.url
    served.close()
    watch.close()


def scraped(url: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Return what Prometheus makes of /metrics: family to (topic, partition) or () to value."""
    answer = httpx.get(f"{url}/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            assert sample.labels["projector"] == "entities"
            where = tuple(sample.labels[name] for name in ("topic", "partition") if name in sample.labels)
            found.setdefault(sample.name, {})[where] = sample.value
    return found


def started(number: int) -> e.RunStarted:
    return e.RunStarted(f"{number:032x}", "0", "a run", 1_700_000_000_000)


def test_prometheus_reads_how_far_each_partition_is(log: DirectLog, consumer: Consumer, health: str) -> None:
    ends: dict[tuple[str, ...], float] = {}
    for position in log.log(*(started(number) for number in range(20))):
        ends[position.topic, str(position.partition)] = position.offset + 1
    assert len(ends) == PARTITIONS
    consumer.catch_up()
    later = log.log(*(started(number) for number in range(20, 27)))
    behind = {at: sum(str(new.partition) == at[1] for new in later) for at in ends}
    found = scraped(health)
    lag, position_of = found["trackstream_partition_lag_records"], found["trackstream_partition_position"]
    assert {at: lag[at] for at in ends} == behind
    assert {at: position_of[at] for at in ends} == ends
    # Partitions without a record are told of too, with a lag of 0.
    assert sum(lag.values()) == len(later)
    assert {topic for topic, _ in lag} == set(consumer.projector.topics)
    assert found["trackstream_records_projected_total"][()] == 20
    assert found["trackstream_dead_letters_total"][()] == 0
    assert found["trackstream_flushes_total"][()] >= 1
    assert found["trackstream_flush_seconds_total"][()] > 0


def test_health_tells_of_a_consumer_that_has_failed_for_good(
    log: DirectLog, consumer: Consumer, health: str
) -> None:
    def told(status: int) -> Any:
        answer = httpx.get(f"{health}/health")
        assert answer.status_code == status
        return answer.json()

    log.log(started(1))
    consumer.catch_up()
    assert told(200)["status"] == "ok"
    log.append_raw(*((topics.RUNS, new_id(), UNKNOWN_SCHEMA) for _ in range(4)))
    consumer.start()
    consumer.nudge()
    # Returns early where the consumer fails.
    assert not consumer.progress.wait_for(SqliteLogWatch(log.path).ends(), 60)
    report = told(503)
    assert report["status"] == "failed"
    assert report["projectors"]["entities"]["state"] == "failed"
    assert "3 records in a row" in report["projectors"]["entities"]["failure"]
    assert scraped(health)["trackstream_consumer_up"][()] == 0
    assert isinstance(consumer.progress.snapshot().failure, TooManyDeadLetters)
    assert httpx.get(f"{health}/other").status_code == 404


def test_what_a_consumer_waits_for_is_told_and_only_ready_refuses(consumer: Consumer, health: str) -> None:
    def told(path: str) -> tuple[int, str, str | None]:
        answer = httpx.get(f"{health}{path}")
        body = answer.json()
        return answer.status_code, body["status"], body["projectors"]["entities"]["waits_for"]

    consumer.progress.must_wait(SlowDown("the store refuses the credentials"))
    assert told("/health") == (200, "degraded", "the store refuses the credentials")
    assert told("/ready") == (503, "degraded", "the store refuses the credentials")
    consumer.progress.need_not_wait()
    assert told("/health") == told("/ready") == (200, "ok", None)
