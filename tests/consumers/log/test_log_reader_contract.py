"""What every log reader must do, run by each adapter."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.consumers.direct_log import DirectLog

from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import topics
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream_consumers.log.port import LogReader

    Open = Callable[[Sequence[str]], LogReader]

RUNS, METRICS = TopicPartition(topics.RUNS, 0), TopicPartition(topics.METRICS, 0)


@pytest.fixture(params=["sqlite"])
def open_reader(request: pytest.FixtureRequest, log: DirectLog) -> Iterator[Open]:
    """Opens readers of the adapter under test over what `log` holds."""
    readers: list[LogReader] = []

    def open_it(names: Sequence[str]) -> LogReader:
        assert request.param == "sqlite"
        readers.append(SqliteLogReader(log.path, names))
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


def fill(log: DirectLog, topic: str, count: int, key: str = "k") -> None:
    log.append_raw(*((topic, key, f"{topic} {number}".encode()) for number in range(count)))


def test_it_is_assigned_the_partitions_of_its_topics_only(open_reader: Open) -> None:
    assert open_reader([topics.RUNS]).assigned() == [RUNS]


def test_records_come_whole_and_in_offset_order(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 3, key="run")
    records = open_reader([topics.RUNS]).poll(10, 0)
    assert [record.position for record in records] == [Position(*RUNS, offset) for offset in range(3)]
    assert [record.value for record in records] == [f"{topics.RUNS} {n}".encode() for n in range(3)]
    assert {record.key for record in records} == {"run"}
    assert all(record.appended_at > 1_600_000_000_000 for record in records)


def test_poll_goes_on_where_it_stood(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 5)
    reader = open_reader([topics.RUNS])
    offsets = [[record.position.offset for record in reader.poll(2, 0)] for _ in range(4)]
    assert offsets == [[0, 1], [2, 3], [4], []]


def test_no_topic_starves_another(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 50)
    fill(log, topics.METRICS, 50)
    reader = open_reader([topics.RUNS, topics.METRICS])
    seen = {record.position.topic for _ in range(2) for record in reader.poll(5, 0)}
    assert seen == {topics.RUNS, topics.METRICS}


def test_seek_moves_only_the_partitions_it_names(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 3)
    fill(log, topics.METRICS, 3)
    reader = open_reader([topics.RUNS, topics.METRICS])
    reader.poll(10, 0)
    reader.seek({RUNS: 1})
    assert [record.position for record in reader.poll(10, 0)] == [Position(*RUNS, 1), Position(*RUNS, 2)]
    assert reader.positions() == {RUNS: 3, METRICS: 3}


def test_end_is_the_next_offset(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 3)
    assert open_reader([topics.RUNS, topics.METRICS]).end() == {RUNS: 3, METRICS: 0}


def test_a_paused_partition_is_left_out_until_resumed(open_reader: Open, log: DirectLog) -> None:
    fill(log, topics.RUNS, 1)
    fill(log, topics.METRICS, 1)
    reader = open_reader([topics.RUNS, topics.METRICS])
    reader.pause([RUNS])
    assert [record.position.topic for record in reader.poll(10, 0)] == [topics.METRICS]
    reader.resume([RUNS])
    assert [record.position.topic for record in reader.poll(10, 0)] == [topics.RUNS]


def test_a_waiting_poll_returns_what_arrives(open_reader: Open, log: DirectLog) -> None:
    reader = open_reader([topics.RUNS])
    writer = threading.Timer(0.05, fill, (log, topics.RUNS, 1))
    writer.start()
    assert len(reader.poll(10, 30)) == 1
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


def test_several_partitions_are_read_each_in_order(tmp_path: Path) -> None:
    log = DirectLog(tmp_path / "wide" / "log.db", partitions=4)
    log.append_raw(*((topics.RUNS, f"run{number % 9}", b"x") for number in range(60)))
    reader = SqliteLogReader(log.path, [topics.RUNS])
    positions: list[Position] = []
    while records := reader.poll(7, 0):
        positions.extend(record.position for record in records)
    assert len(set(positions)) == len(positions) == 60
    for partition in range(4):
        offsets = [position.offset for position in positions if position.partition == partition]
        assert offsets == list(range(len(offsets)))
    reader.close()
    log.close()
