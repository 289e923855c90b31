"""What only the Kafka log's reader promises: groups, and gaps that are no loss."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from tests.kafka_cluster import ClusterLog
from trackstream_consumers.errors import LogBehindProjection, RecordsLost
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, StorageFailed, Unavailable
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trackstream_api.native.stack import Stack
    from trackstream_consumers.log.port import LogRecord

    Starts = Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]]

pytestmark = pytest.mark.integration

PATIENCE_S = 60.0
RUNS = [TopicPartition(topics.RUNS, number) for number in range(4)]


@pytest.fixture
def cluster(kafka_stack: Stack) -> ClusterLog:
    return ClusterLog(kafka_stack.kafka, partitions=4)


class Store:
    """What a projector of a group would do with records: keeps them, and where to read on."""

    def __init__(self) -> None:
        self.reached: dict[TopicPartition, int] = {}
        self.applied: Counter[Position] = Counter()
        self.asked: list[TopicPartition] = []

    def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += partitions
        return dict(self.reached)


class Member:
    """A reader of a group with the consumer around it: applies what it polls, unless it lost it."""

    def __init__(self, cluster: ClusterLog, store: Store, starts: Starts | None = None) -> None:
        self.store = store
        self.reader = KafkaLogReader(
            cluster.uri, [topics.RUNS], "trackstream.tests", starts or store.starts, environ={}
        )

    def step(self, wait: float = 0.05) -> None:
        records = self.reader.poll(100, wait)
        assigned = set(self.reader.assigned())
        reached: dict[TopicPartition, int] = {}
        for record in records:
            assert record.position.topic_partition in assigned
            self.store.applied[record.position] += 1
            reached[record.position.topic_partition] = record.position.offset + 1
        self.store.reached |= reached
        self.reader.applied(reached)


@pytest.fixture
def closing() -> Iterator[Callable[[Member], Member]]:
    """Registers members that are closed at the end."""
    members: list[Member] = []

    def register(member: Member) -> Member:
        members.append(member)
        return member

    yield register
    for member in members:
        member.reader.close()


def until(condition: Callable[[], bool], *members: Member) -> None:
    """Let the members work until the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        for member in members:
            member.step()


def fill(cluster: ClusterLog, count: int) -> list[Position]:
    return cluster.append_raw(*((topics.RUNS, f"run{number}", b"x") for number in range(count)))


def poll_for_nothing(reader: KafkaLogReader) -> None:
    """Poll until it raises; nothing may come."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert reader.poll(100, 1) == []


def shares(*members: Member) -> list[TopicPartition]:
    return sorted(partition for member in members for partition in member.reader.assigned())


def test_a_group_shares_the_partitions_and_begins_where_the_store_says(
    cluster: ClusterLog, closing: Callable[[Member], Member]
) -> None:
    store = Store()
    positions = fill(cluster, 40)
    store.reached = {RUNS[0]: 2, RUNS[1]: 1}
    first = closing(Member(cluster, store))
    assert first.reader.assigned() == []
    expected = {at for at in positions if at.offset >= store.reached.get(at.topic_partition, 0)}
    until(lambda: set(store.applied) == expected, first)
    assert shares(first) == RUNS
    assert first.reader.generation > 0
    second = closing(Member(cluster, store))
    until(lambda: len(second.reader.assigned()) == 2 and len(first.reader.assigned()) == 2, first, second)
    assert shares(first, second) == RUNS
    expected |= set(fill(cluster, 40))
    until(lambda: set(store.applied) == expected, first, second)
    second.reader.close()
    until(lambda: shares(first) == RUNS, first)
    expected |= set(fill(cluster, 40))
    until(lambda: set(store.applied) == expected, first)
    # With everybody alive and well, each record is read once.
    assert set(store.applied.values()) == {1}
    assert set(store.asked) == set(RUNS)


def test_a_storm_of_rebalances_loses_nothing(
    cluster: ClusterLog, closing: Callable[[Member], Member]
) -> None:
    store = Store()
    steady = closing(Member(cluster, store))
    expected: set[Position] = set()
    for _ in range(4):
        expected |= set(fill(cluster, 20))
        passing = closing(Member(cluster, store))
        for _ in range(8):
            steady.step()
            passing.step()
        passing.reader.close()
    until(lambda: set(store.applied) == expected, steady)


def test_records_of_a_partition_that_was_taken_away_are_not_handed_out(
    cluster: ClusterLog, closing: Callable[[Member], Member]
) -> None:
    store = Store()
    first = closing(Member(cluster, store))
    until(lambda: shares(first) == RUNS, first)
    fill(cluster, 100)
    generation = first.reader.generation
    second = closing(Member(cluster, store))
    # Small polls leave records in the reader, and Kafka's fetches beyond, when the partitions go.
    while first.reader.generation == generation:
        second.step(0.01)
        for record in first.reader.poll(1, 0.01):
            assert record.position.topic_partition in first.reader.assigned()
    until(lambda: len(second.reader.assigned()) == 2 and len(first.reader.assigned()) == 2, first, second)


def test_a_store_that_does_not_answer_is_asked_again(
    cluster: ClusterLog, closing: Callable[[Member], Member]
) -> None:
    store = Store()
    positions = fill(cluster, 10)
    failures = [Unavailable("the store is away"), Unavailable("still away")]

    def starts(partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        if failures:
            raise failures.pop()
        return store.starts(partitions)

    member = closing(Member(cluster, store, starts))
    raised = 0
    deadline = time.monotonic() + PATIENCE_S
    while set(store.applied) != set(positions):
        assert time.monotonic() < deadline
        try:
            member.step()
        except Unavailable:
            raised += 1
    assert raised == 2


def test_the_groups_offsets_are_written_but_never_followed(
    cluster: ClusterLog, closing: Callable[[Member], Member]
) -> None:
    store = Store()
    positions = set(fill(cluster, 20))
    member = closing(Member(cluster, store))
    until(lambda: set(store.applied) == positions, member)
    member.reader.close()
    fresh = Store()
    again = closing(Member(cluster, fresh))
    until(lambda: set(fresh.applied) == positions, again)


def test_an_offset_behind_the_end_is_said(cluster: ClusterLog, closing: Callable[[Member], Member]) -> None:
    store = Store()
    store.reached = {RUNS[2]: 77}
    member = closing(Member(cluster, store))
    with pytest.raises(LogBehindProjection, match="up to 77"):
        until(lambda: False, member)


def test_retention_under_a_slow_consumer_is_said(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    reader = KafkaLogReader(
        cluster.uri, [topics.RUNS], environ={"TRACKSTREAM_KAFKA_QUEUED_MIN_MESSAGES": "1"}
    )
    fill(cluster, 10)
    assert [record.position.offset for record in reader.poll(3, PATIENCE_S)][:1] == [0]
    reader.pause([RUNS[0]])
    reader.poll(1, 0.1)
    position = reader.positions()[RUNS[0]]
    fill(cluster, 10)
    cluster.remove(topics.RUNS, 15)
    reader.resume([RUNS[0]])
    with pytest.raises(RecordsLost, match=f"records {position} to 14"):
        poll_for_nothing(reader)
    reader.close()


def test_a_loss_that_is_accepted_is_told_and_gone_over(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    fill(cluster, 10)
    cluster.remove(topics.RUNS, 7)
    told: list[RecordsLost] = []

    def on_loss(loss: RecordsLost) -> None:
        told.append(loss)
        if len(told) == 1:
            raise Unavailable("the dead-letter topic is away")

    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ={}, on_loss=on_loss)
    assert reader.begin() == {RUNS[0]: 7}
    # What could not be told is not gone over.
    with pytest.raises(Unavailable, match="the dead-letter topic is away"):
        poll_for_nothing(reader)
    assert reader.positions() == {RUNS[0]: 0}
    offsets: list[int] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(offsets) < 3:
        assert time.monotonic() < deadline
        offsets += [record.position.offset for record in reader.poll(100, 1)]
    assert offsets == [7, 8, 9]
    assert [(loss.partition, loss.expected, loss.found) for loss in told] == [(RUNS[0], 0, 7)] * 2
    reader.close()


def test_markers_of_transactions_are_no_loss(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    foreign = Producer({"bootstrap.servers": kafka_stack.kafka, "transactional.id": cluster.prefix})
    foreign.init_transactions(PATIENCE_S)
    for end in (foreign.abort_transaction, foreign.commit_transaction):
        foreign.begin_transaction()
        foreign.produce(cluster.prefix + topics.RUNS, b"x", "k")
        assert foreign.flush(PATIENCE_S) == 0
        end(PATIENCE_S)
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ={})
    end_at = reader.end()
    assert end_at == {RUNS[0]: 4}
    records = []
    deadline = time.monotonic() + PATIENCE_S
    while reader.positions() != end_at:
        assert time.monotonic() < deadline
        records += reader.poll(10, 0.1)
    assert [record.position.offset for record in records] == [2]
    reader.close()


def test_keys_and_values_that_are_not_ours_do_not_stop_it(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    foreign = Producer({"bootstrap.servers": kafka_stack.kafka})
    for key, value in ((None, b"x"), (b"\xff", None), (b"k", b"\x00\x00\x00\x00\x01x")):
        foreign.produce(cluster.prefix + topics.RUNS, value, key)
    assert foreign.flush(PATIENCE_S) == 0
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ={})
    records = []
    while len(records) < 3:
        records += reader.poll(10, PATIENCE_S)
    assert [(record.key, record.value) for record in records] == [
        ("", b"x"),
        ("\ufffd", b""),
        ("k", b"\x00\x00\x00\x00\x01x"),
    ]
    reader.close()


def test_a_deleted_topic_is_said(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    reader = KafkaLogReader(
        cluster.uri, [topics.RUNS], environ={"TRACKSTREAM_KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS": "200"}
    )
    fill(cluster, 1)
    assert len(reader.poll(10, PATIENCE_S)) == 1
    cluster.delete(topics.RUNS)
    with pytest.raises(StorageFailed, match="topics create"):
        poll_for_nothing(reader)
    reader.close()


def test_what_is_missing_or_away_or_wrong(kafka_stack: Stack) -> None:
    with pytest.raises(StorageFailed, match="trackstream topics create"):
        KafkaLogReader(f"kafka://{kafka_stack.kafka}?topic.prefix=missing.", [topics.RUNS], environ={})
    with pytest.raises(Unavailable, match="cannot be reached"):
        KafkaLogReader("kafka://127.0.0.1:1", [topics.RUNS], environ={}, timeout=0.5)
    with pytest.raises(InvalidInput, match="TRACKSTREAM_KAFKA_NO_SUCH_SETTING"):
        KafkaLogReader("kafka://h?no.such.setting=1", [topics.RUNS], environ={})


def test_a_reader_lives_through_a_broker_restart(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ={}, timeout=0.5)
    fill(cluster, 3)
    records: list[LogRecord] = []
    while len(records) < 3:
        records += reader.poll(10, PATIENCE_S)
    kafka_stack.kill("kafka")
    with pytest.raises(Unavailable):
        reader.end()
    with pytest.raises(Unavailable, match="no broker"):
        poll_for_nothing(reader)
    kafka_stack.restart("kafka")
    fill(cluster, 3)
    deadline = time.monotonic() + PATIENCE_S
    while len(records) < 6:
        assert time.monotonic() < deadline
        try:
            records += reader.poll(10, 1)
        except Unavailable:
            continue
    assert [record.position.offset for record in records] == list(range(6))
    reader.close()
