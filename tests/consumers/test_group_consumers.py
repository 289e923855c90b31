"""Consumers that share Kafka's partitions: they come, go and stall, and every event is projected once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.consumers.tables import scalar
from tests.kafka_cluster import ClusterLog
from trackstream_consumers.consumer import Consumer, ConsumerSettings
from trackstream_consumers.errors import SlowDown
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trackstream_api.native.stack import Stack
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

PARTITIONS = 4
RUNS = 16
PATIENCE_S = 60.0
SETTINGS = ConsumerSettings(idle_poll=0.1, first_backoff=0.02, longest_backoff=0.1)


class Reluctant(MetricProjector):
    """The real projector, behind a door that a test can shut."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.open = threading.Event()
        self.open.set()
        self.refused = 0

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        if not self.open.is_set():
            self.refused += 1
            raise SlowDown("the store is away")
        return super().apply(records, reached)


class Group:
    """Members of one group on a cluster's log, and a producer that counts."""

    def __init__(self, cluster: ClusterLog, engine: Engine) -> None:
        self.cluster = cluster
        self._engine = engine
        self._sequence = 0
        self.members: list[Consumer] = []
        self.generations: dict[object, Callable[[], int]] = {}
        """By projector, how often the group has changed what its member reads."""

    def join(self, projector: MetricProjector | None = None, instance: str | None = None) -> Consumer:
        """Start a member, which is the same as the last one of that `instance`."""
        projector = projector or MetricProjector(self._engine)
        settings = {"TRACKSTREAM_KAFKA_SESSION_TIMEOUT_MS": "6000"}
        if instance is not None:
            # Long enough for a member that comes back on a slow machine.
            settings = {
                "TRACKSTREAM_KAFKA_GROUP_INSTANCE_ID": instance,
                "TRACKSTREAM_KAFKA_SESSION_TIMEOUT_MS": "120000",
            }
        reader = KafkaLogReader(
            self.cluster.uri,
            projector.topics,
            "metrics",
            lambda _wanted: projector.positions(),
            settings,
        )
        self.generations[projector] = lambda: reader.generation
        consumer = Consumer(reader, projector, self._no_letters, SETTINGS)
        consumer.start()
        self.members.append(consumer)
        return consumer

    def leave(self, consumer: Consumer) -> None:
        """Let a member finish its batch and go."""
        self.members.remove(consumer)
        consumer.close()

    def log(self, count: int) -> None:
        """Append a point for each of RUNS runs, `count` times."""
        records = []
        for _ in range(count):
            for number in range(RUNS):
                column = np.array([self._sequence], dtype=np.int64)
                body = e.MetricsLogged(
                    f"run-{number}",
                    "",
                    ("k",),
                    np.zeros(1, np.int32),
                    column,
                    column,
                    column.astype(np.float64),
                )
                event = e.Event(e.Envelope(f"e{self._sequence}", 1, "p", self._sequence), body)
                records.append((topics.METRICS, f"run-{number}", codec.encode(event)))
                self._sequence += 1
        self.cluster.append_raw(*records)

    @property
    def logged(self) -> int:
        return self._sequence

    def stored(self) -> int:
        return int(scalar(self._engine, "SELECT count() FROM metric_points FINAL"))

    def shares(self) -> list[int]:
        """Return how many partitions each member has."""
        return [len(member.progress.snapshot().positions) for member in self.members]

    def _no_letters(self, letter: e.DeadLettered) -> None:
        raise AssertionError(letter)


@pytest.fixture
def group(kafka_stack: Stack, engine: Engine) -> Iterator[Group]:
    made = Group(ClusterLog(kafka_stack.kafka, PARTITIONS), engine)
    yield made
    for member in list(made.members):
        made.leave(member)


def wait_until(true: Callable[[], bool], group: Group) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        failures = [member.progress.snapshot().failure for member in group.members]
        assert not any(failures), failures
        assert time.monotonic() < deadline, (group.shares(), group.stored(), group.logged)
        time.sleep(0.02)


def test_members_come_and_go_while_events_come_in(group: Group) -> None:
    first = group.join()
    group.log(5)
    wait_until(lambda: group.shares() == [PARTITIONS], group)
    second = group.join()
    group.log(5)
    wait_until(lambda: group.shares() == [2, 2], group)
    group.log(5)
    group.leave(first)
    group.log(5)
    wait_until(lambda: group.shares() == [PARTITIONS], group)
    third = group.join()
    group.leave(second)
    group.log(5)
    wait_until(lambda: group.stored() == group.logged, group)
    # What each member says of its partitions is what the store says.
    wait_until(lambda: sum(third.progress.snapshot().positions.values()) == group.logged, group)
    assert third.projector.positions() == third.progress.snapshot().positions
    assert group.shares() == [PARTITIONS]


def test_a_static_member_that_comes_back_has_its_partitions_and_nobody_else_notices(group: Group) -> None:
    restarted = group.join(instance="a")
    wait_until(lambda: group.shares() == [PARTITIONS], group)
    other = group.join(instance="b")
    wait_until(lambda: group.shares() == [2, 2], group)
    before = [set(member.progress.snapshot().positions) for member in (restarted, other)]
    changes = group.generations[other.projector]()
    group.log(5)
    wait_until(lambda: group.stored() == group.logged, group)
    group.leave(restarted)
    group.log(5)
    # Nobody has its partitions meanwhile.
    back = group.join(instance="a")
    wait_until(lambda: group.stored() == group.logged, group)
    assert [set(member.progress.snapshot().positions) for member in (back, other)] == before
    assert group.generations[other.projector]() == changes


def test_a_member_whose_store_is_away_stays_in_the_group_and_gives_partitions_away(
    group: Group, engine: Engine
) -> None:
    projector = Reluctant(engine)
    stalled = group.join(projector)
    wait_until(lambda: group.shares() == [PARTITIONS], group)
    projector.open.clear()
    group.log(3)
    wait_until(lambda: projector.refused > 2, group)
    # Half of what it holds and cannot write goes to a member that can.
    group.join()
    wait_until(lambda: group.shares() == [2, 2], group)
    wait_until(lambda: 0 < group.stored() < group.logged, group)
    assert stalled.progress.snapshot().state == "running"
    projector.open.set()
    wait_until(lambda: group.stored() == group.logged, group)
    # The rest was not taken from it: it never left.
    assert group.shares() == [2, 2]


def test_the_watch_tells_ends_and_the_age_of_what_is_not_projected(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka, 2)
    watch = KafkaLogWatch(cluster.uri, [topics.RUNS], {})
    before = time.time() * 1000
    positions = cluster.append_raw(*((topics.RUNS, f"r{number}", b"x") for number in range(8)))
    ends = dict.fromkeys(watch.ends(), 0)
    for position in positions:
        ends[position.topic_partition] = max(ends[position.topic_partition], position.offset + 1)
    assert watch.ends() == ends
    age = watch.oldest_age_ms(dict.fromkeys(ends, 0))
    assert 0 <= age <= time.time() * 1000 - before + 1000
    assert watch.oldest_age_ms({}) == 0
    watch.close()


def test_the_watch_tells_what_retention_has_removed_and_goes_on(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    runs = TopicPartition(topics.RUNS, 0)
    watch = KafkaLogWatch(cluster.uri, [topics.RUNS], {})
    before = time.time() * 1000
    cluster.append_raw(*((topics.RUNS, f"r{number}", b"x") for number in range(8)))
    assert watch.begins() == {runs: 0}
    cluster.remove(topics.RUNS, 5)
    assert watch.begins() == {runs: 5}
    # The age is that of the oldest record that is left.
    assert 0 <= watch.oldest_age_ms({runs: 2}) <= time.time() * 1000 - before + 1000
    watch.close()
