"""Topics, positions, vectors and moments as text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumers.direct_log import DirectLog
from trackstream_api.as_of.moment import NOW, Moment, cut_through, parse_moment, start_from
from trackstream_api.log_places import parse_position, parse_vector, vector_text
from trackstream_api.stream.sqlite_log import SqliteLog
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from pathlib import Path

vectors = st.dictionaries(
    st.sampled_from(topics.EVENT_TOPICS), st.lists(st.integers(0, 2**62), min_size=1, max_size=4), min_size=1
).map(
    lambda found: {
        TopicPartition(topic, number): offset
        for topic, offsets in found.items()
        for number, offset in enumerate(offsets)
    }
)


@given(vectors)
def test_a_vector_is_read_as_it_was_written(vector: dict[TopicPartition, int]) -> None:
    assert parse_vector(vector_text(vector), "id") == vector


@pytest.mark.parametrize("text", ["", "runs", "runs=", "runs=1.", "runs=-1", "walks=1", "runs=1;metrics=2"])
def test_what_is_no_vector(text: str) -> None:
    with pytest.raises(InvalidInput, match="since"):
        parse_vector(text, "since")


def test_positions_with_and_without_the_prefix() -> None:
    wanted = Position(topics.RUNS, 1, 42)
    assert parse_position("runs:1:42") == parse_position("trackstream.runs:1:42") == wanted
    for bad in (
        "runs",
        "runs:1",
        "runs:a:1",
        "walks:0:1",
        "runs:0:99999999999999999999",
        "runs:0:9223372036854775808",
    ):
        with pytest.raises(InvalidInput):
            parse_position(bad)


def test_moments() -> None:
    assert parse_moment("now", "at") == NOW
    assert parse_moment("1700000000000", "at") == Moment(1_700_000_000_000)
    assert parse_moment("2026-11-21T13:00:00+00:00", "at") == Moment(1_795_266_000_000)
    assert parse_moment("2026-11-21T14:00:00+01:00", "at") == Moment(1_795_266_000_000)
    ago = parse_moment("10m", "at").millis
    assert ago is not None
    assert ago < time.time() * 1000 - 599_000
    found = parse_moment("runs:0:1,metrics:1:2", "at").positions
    assert found == (Position(topics.RUNS, 0, 1), Position(topics.METRICS, 1, 2))
    wrong = ["", "soon", "runs:0:1,now", "12", "2026-13-01", "runs:0:3,runs:0:4"]
    for bad in [*wrong, "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00"]:
        with pytest.raises(InvalidInput, match="at"):
            parse_moment(bad, "at")


def test_a_cut_through_the_log(tmp_path: Path) -> None:
    log = DirectLog(tmp_path / sqlite_layout.FILE_NAME, 2)
    source = SqliteLog(tmp_path)
    # One record a moment, as the log's clock has it: 100, 110, 120 ...
    for number in range(20):
        log.log(e.TagsSet(f"run-{number}", {"n": str(number)}), e.ExperimentTagsSet("1", {"n": str(number)}))
    with sqlite_layout.connect(log.path) as connection:
        for topic in (topics.RUNS, topics.EXPERIMENTS):
            table = sqlite_layout.table_of(topic)
            connection.execute(f"UPDATE {table} SET appended_at = 100 + 10 * CAST(rowid - 1 AS INTEGER)")
    connection.close()

    def taken_before(millis: int) -> dict[TopicPartition, int]:
        with sqlite_layout.connect(log.path) as connection:
            found = {
                TopicPartition(topic, partition): connection.execute(
                    f"SELECT count() FROM {sqlite_layout.table_of(topic)}"
                    " WHERE partition = ? AND appended_at < ?",
                    (partition, millis),
                ).fetchone()[0]
                for topic, partition in source.offsets_at(0)
                if topic != topics.SCHEMAS
            }
        connection.close()
        return found

    for millis in (0, 99, 100, 101, 195, 290, 291, 5000):
        ours = {at: offset for at, offset in source.offsets_at(millis).items() if at.topic != topics.SCHEMAS}
        assert ours == taken_before(millis)
    assert cut_through(NOW, source, "at") is None
    assert dict(cut_through(Moment(150), source, "at") or {}) == dict(source.offsets_at(151))
    partition = next(
        at for at, offset in source.offsets_at(5000).items() if at.topic == topics.RUNS and offset > 3
    )
    position = Position(*partition, 3)
    cut, start = (
        cut_through(Moment(positions=(position,)), source, "at"),
        start_from(Moment(positions=(position,)), source),
    )
    assert cut is not None
    assert (cut[partition], start[partition]) == (4, 3)
    with pytest.raises(InvalidInput, match="future"):
        cut_through(Moment(int(time.time() * 1000) + 60_000), source, "at")
    with pytest.raises(InvalidInput, match="runs:0:999"):
        cut_through(Moment(positions=(Position(topics.RUNS, 0, 999),)), source, "at")
    source.close()
    log.close()
