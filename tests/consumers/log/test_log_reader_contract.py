"""What every log reader must do, run by each adapter."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.consumers.direct_log import DirectLog
from trackstream_consumers.errors import RecordsLost
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import topics
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream_consumers.log.port import LogReader, LogRecord

    Open = Callable[[Sequence[str]], LogReader]

RUNS, METRICS = TopicPartition(topics.RUNS, 0), TopicPartition(topics.METRICS, 0)
PATIENCE_S = 30.0


class AnyLog(Protocol):
    """What the tests need of a log: one that each adapter reads."""

    def append_raw(self, *records: tuple[str, str, bytes]) -> list[Position]: ...

    def remove(self, topic: str, below: int) -> None: ...


class SqliteUnderTest:
    def __init__(self, path: Path, partitions: int) -> None:
        self.direct = DirectLog(path / "contract" / "log.db", partitions)
        self.append_raw = self.direct.append_raw
        self.remove = self.direct.remove

    def open_reader(self, names: Sequence[str]) -> LogReader:
        return SqliteLogReader(self.direct.path, names)

    def close(self) -> None:
        self.direct.close()


class KafkaUnderTest:
    def __init__(self, servers: str, partitions: int) -> None:
        from tests.kafka_cluster import ClusterLog

        self.cluster = ClusterLog(servers, partitions)
        self.append_raw = self.cluster.append_raw
        self.remove = self.cluster.remove

    def open_reader(self, names: Sequence[str]) -> LogReader:
        from trackstream_consumers.log.kafka import KafkaLogReader

        return KafkaLogReader(self.cluster.uri, names, environ={})

    def close(self) -> None:
        """The topics end with the cluster."""


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.integration)])
def make_log(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[int], SqliteUnderTest | KafkaUnderTest]]:
    """Makes logs of the adapter under test, with so many partitions a topic."""
    made: list[SqliteUnderTest | KafkaUnderTest] = []

    def make(partitions: int) -> SqliteUnderTest | KafkaUnderTest:
        if request.param == "sqlite":
            made.append(SqliteUnderTest(tmp_path, partitions))
        else:
            made.append(KafkaUnderTest(request.getfixturevalue("kafka_stack").kafka, partitions))
        return made[-1]

    yield make
    for log in made:
        log.close()


@pytest.fixture
def log(make_log: Callable[[int], SqliteUnderTest | KafkaUnderTest]) -> SqliteUnderTest | KafkaUnderTest:
    """A log with one partition a topic."""
    return make_log(1)


@pytest.fixture
def open_reader(log: SqliteUnderTest | KafkaUnderTest) -> Iterator[Open]:
    """Opens readers over what `log` holds."""
    readers: list[LogReader] = []

    def open_it(names: Sequence[str]) -> LogReader:
        readers.append(log.open_reader(names))
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


def fill(log: AnyLog, topic: str, count: int, key: str = "k") -> None:
    log.append_raw(*((topic, key, f"{topic} {number}".encode()) for number in range(count)))


def gather(reader: LogReader, count: int, at_once: int = 100) -> list[LogRecord]:
    """Poll until there are so many records, and once more for any that should not be there."""
    records: list[LogRecord] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(records) < count:
        found = reader.poll(at_once, 1)
        assert len(found) <= at_once
        assert found or time.monotonic() < deadline, f"{len(records)} of {count} records came"
        records += found
    return records + reader.poll(at_once, 0.2)


def test_it_is_assigned_the_partitions_of_its_topics_only(open_reader: Open) -> None:
    assert open_reader([topics.RUNS]).assigned() == [RUNS]


def test_records_come_whole_and_in_offset_order(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 3, key="run")
    records = gather(open_reader([topics.RUNS]), 3)
    assert [record.position for record in records] == [Position(*RUNS, offset) for offset in range(3)]
    assert [record.value for record in records] == [f"{topics.RUNS} {n}".encode() for n in range(3)]
    assert {record.key for record in records} == {"run"}
    assert all(record.appended_at > 1_600_000_000_000 for record in records)


def test_poll_goes_on_where_it_stood(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 5)
    reader = open_reader([topics.RUNS])
    assert [record.position.offset for record in gather(reader, 5, at_once=2)] == [0, 1, 2, 3, 4]
    assert reader.positions() == {RUNS: 5}


def test_seek_moves_only_the_partitions_it_names(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 3)
    fill(log, topics.METRICS, 3)
    reader = open_reader([topics.RUNS, topics.METRICS])
    gather(reader, 6)
    reader.seek({RUNS: 1})
    assert [record.position for record in gather(reader, 2)] == [Position(*RUNS, 1), Position(*RUNS, 2)]
    assert reader.positions() == {RUNS: 3, METRICS: 3}


def test_end_is_the_next_offset(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 3)
    assert open_reader([topics.RUNS, topics.METRICS]).end() == {RUNS: 3, METRICS: 0}


def test_a_paused_partition_is_left_out_until_resumed(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 1)
    fill(log, topics.METRICS, 1)
    reader = open_reader([topics.RUNS, topics.METRICS])
    reader.pause([RUNS])
    assert [record.position.topic for record in gather(reader, 1)] == [topics.METRICS]
    reader.resume([RUNS])
    assert [record.position.topic for record in gather(reader, 1)] == [topics.RUNS]


def test_a_partition_paused_half_way_goes_on_where_it_stood(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 6)
    reader = open_reader([topics.RUNS])
    first = reader.poll(2, PATIENCE_S)
    reader.pause([RUNS])
    assert reader.poll(10, 0.2) == []
    fill(log, topics.RUNS, 2)
    reader.resume([RUNS])
    rest = gather(reader, 8 - len(first))
    assert [record.position.offset for record in first + rest] == list(range(8))


def test_seek_before_the_first_poll(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 3)
    reader = open_reader([topics.RUNS])
    reader.seek({RUNS: 2})
    assert [record.position.offset for record in gather(reader, 1)] == [2]


def test_seek_elsewhere_is_refused(open_reader: Open) -> None:
    with pytest.raises(ValueError, match="not assigned"):
        open_reader([topics.RUNS]).seek({METRICS: 0})


def test_removed_records_are_said_and_not_passed_over(open_reader: Open, log: AnyLog) -> None:
    fill(log, topics.RUNS, 5)
    log.remove(topics.RUNS, 3)
    reader = open_reader([topics.RUNS])
    for _ in range(2):
        with pytest.raises(RecordsLost, match=r"records 0 to 2 of trackstream\.runs"):
            reader.poll(10, PATIENCE_S)
    reader.seek({RUNS: 3})
    assert [record.position.offset for record in gather(reader, 2)] == [3, 4]


@pytest.mark.parametrize("kept", [0, 2])
def test_a_topic_with_retention_may_have_lost_its_oldest(open_reader: Open, log: AnyLog, kept: int) -> None:
    fill(log, topics.ARTIFACT_BYTES, 5)
    log.remove(topics.ARTIFACT_BYTES, 5 - kept)
    reader = open_reader([topics.ARTIFACT_BYTES])
    assert [record.position.offset for record in gather(reader, kept)] == list(range(5 - kept, 5))
    deadline = time.monotonic() + PATIENCE_S
    while reader.positions() != {TopicPartition(topics.ARTIFACT_BYTES, 0): 5}:
        assert time.monotonic() < deadline, reader.positions()
        assert reader.poll(10, 0.1) == []


def test_a_waiting_poll_returns_what_arrives(open_reader: Open, log: AnyLog) -> None:
    reader = open_reader([topics.RUNS])
    writer = threading.Timer(0.05, fill, (log, topics.RUNS, 1))
    writer.start()
    assert len(reader.poll(10, PATIENCE_S)) == 1
    writer.join()


def test_wake_ends_a_waiting_poll(open_reader: Open) -> None:
    reader = open_reader([topics.RUNS])
    waker = threading.Timer(0.05, reader.wake)
    waker.start()
    assert reader.poll(10, 600) == []
    waker.join()


def test_a_wake_before_the_poll_is_not_lost(open_reader: Open) -> None:
    reader = open_reader([topics.RUNS])
    reader.wake()
    assert reader.poll(10, 600) == []


def test_several_partitions_are_read_each_in_order(
    make_log: Callable[[int], SqliteUnderTest | KafkaUnderTest],
) -> None:
    log = make_log(4)
    log.append_raw(*((topics.RUNS, f"run{number % 9}", b"x") for number in range(60)))
    reader = log.open_reader([topics.RUNS])
    positions = [record.position for record in gather(reader, 60, at_once=7)]
    reader.close()
    assert len(set(positions)) == len(positions) == 60
    assert len({position.partition for position in positions}) > 1
    for partition in range(4):
        offsets = [position.offset for position in positions if position.partition == partition]
        assert offsets == list(range(len(offsets)))
