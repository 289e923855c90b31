"""Listeners over a log, without a server: catching up, changing over, falling behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.consumers.direct_log import DirectLog
from tests.query_api.stream.ear import BEGINNING, Ear
from trackstream_api.stream.catch_up import CatchUp
from trackstream_api.stream.feed import LogFeed
from trackstream_api.stream.sqlite_log import SqliteLog
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_schemas.position import TopicPartition

PARTITIONS = 3


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DirectLog]:
    made = DirectLog(tmp_path / sqlite_layout.FILE_NAME, PARTITIONS)
    yield made
    made.close()


@pytest.fixture
def source(log: DirectLog) -> Iterator[SqliteLog]:
    opened = SqliteLog(log.path.parent)
    yield opened
    opened.close()


def tags(number: int) -> e.TagsSet:
    return e.TagsSet(f"run-{number % 7}", {"n": str(number)})


def test_from_the_beginning_into_what_comes(log: DirectLog, source: SqliteLog) -> None:
    feed = LogFeed(source)
    log.log(*map(tags, range(1200)))
    early = Ear(feed, BEGINNING)
    early.listen(100)
    live = Ear(feed)
    for number in range(1200, 1230):
        log.log(tags(number))
    early.listen(1230)
    live.listen(30)
    assert sorted(early.numbers()) == list(range(1230))
    assert sorted(live.numbers()) == list(range(1200, 1230))
    early.close()
    live.close()


def test_each_partition_in_its_order_and_all_in_the_order_of_time(log: DirectLog, source: SqliteLog) -> None:
    # Each append is a transaction, hence a moment, of its own.
    for number in range(60):
        log.log(tags(number), e.ExperimentTagsSet(str(number % 5), {"n": str(number)}))
    reader = CatchUp(source, [topics.RUNS, topics.EXPERIMENTS], {})
    records = []
    while part := reader.take(7):
        records += part
    reader.close()
    assert len(records) == 120
    assert [record.appended_at for record in records] == sorted(record.appended_at for record in records)
    for partition in {record.position.topic_partition for record in records}:
        offsets = [at.position.offset for at in records if at.position.topic_partition == partition]
        assert offsets == list(range(len(offsets)))


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.integers(0, 40), min_size=1, max_size=8), size=st.integers(5, 60))
def test_coming_back_any_number_of_times_misses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], size: int
) -> None:
    """With a memory so small that a listener falls out of it, too."""
    log = DirectLog(tmp_path_factory.mktemp("log") / sqlite_layout.FILE_NAME, PARTITIONS)
    source = SqliteLog(log.path.parent)
    feed = LogFeed(source, max_records=size)
    got: list[int] = []
    start: dict[TopicPartition, int] = BEGINNING
    written = 0
    keeper = Ear(feed)
    for step in steps:
        log.log(*map(tags, range(written, written + 2 * step)))
        written += 2 * step
        ear = Ear(feed, start)
        wanted = min(step, written - len(got))
        if wanted:
            ear.listen(wanted)
        got += ear.numbers()
        start = dict(ear.listener._passed)
        ear.close()
    # One whom a burst throws out of the memory is told so, and comes back once more.
    slow = True
    while slow:
        ear = Ear(feed, start)
        ear.listen(written - len(got))
        got += ear.numbers()
        start = dict(ear.listener._passed)
        slow = ear.end is not None and ear.end["reason"] == "slow"
        ear.close()
    keeper.close()
    source.close()
    log.close()
    assert sorted(got) == list(range(written))


def test_who_is_slower_than_the_log_is_told_where_to_go_on(log: DirectLog, source: SqliteLog) -> None:
    feed = LogFeed(source, max_records=20)
    slow, quick = Ear(feed), Ear(feed)
    log.log(*map(tags, range(5)))
    slow.listen(5)
    quick.listen(5)
    log.log(*map(tags, range(5, 15)))
    quick.listen(15)
    log.log(*map(tags, range(15, 60)))
    # A batch of more than fits is the log's and not the listener's fault, but the same holds.
    while quick.end is None and len(quick.got) < 60:
        quick.listen(len(quick.got) + 1)
    slow.listen(10_000)
    assert slow.end is not None
    assert (slow.end["reason"], slow.end["position"]) == ("slow", slow.last)
    back = Ear(feed, dict(slow.listener._passed))
    back.listen(60 - len(slow.got))
    assert sorted(slow.numbers() + back.numbers()) == list(range(60))
    for ear in (slow, quick, back):
        ear.close()


def test_a_record_that_is_no_event_is_shown_as_such(log: DirectLog, source: SqliteLog) -> None:
    log.append_raw((topics.RUNS, "run-1", b"\xff\x00"), (topics.RUNS, "run-1", b"\xc3\x01" + b"\x00" * 20))
    log.log(tags(1))
    ear = Ear(LogFeed(source), BEGINNING, run_ids=["run-1"])
    ear.listen(3)
    first, second, third = ear.got
    assert (first["type"], first["size"], third["type"]) == ("Unreadable", 2, "TagsSet")
    assert "fingerprint" in second["error"]
    ear.close()


def test_nobody_listens_nothing_is_read(log: DirectLog, source: SqliteLog) -> None:
    feed = LogFeed(source)
    ear = Ear(feed)
    tail = ear.listener._tail
    assert Ear(feed).listener._tail is tail
    for listener in list(tail.listeners):
        feed.leave(tail, listener)
    assert Ear(feed).listener._tail is not tail


def test_a_log_that_goes_away_ends_the_stream(log: DirectLog, source: SqliteLog) -> None:
    feed = LogFeed(source)
    ear = Ear(feed)
    log.log(*map(tags, range(30)))
    ear.listen(30)
    with sqlite_layout.connect(log.path) as connection:
        connection.execute("UPDATE partitions SET next_offset = next_offset + 5")
    connection.close()
    ear.listen(31)
    assert ear.end is not None
    assert ear.end["reason"] == "failed"
    ear.close()
