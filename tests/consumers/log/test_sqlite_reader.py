"""What only the SQLite reader does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream_consumers.errors import RecordsLost
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import topics
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.consumers.direct_log import DirectLog


def test_it_makes_the_log_where_there_is_none(tmp_path: Path) -> None:
    reader = SqliteLogReader(tmp_path / "new" / "log.db", topics.ALL_TOPICS)
    assert reader.end() == {TopicPartition(topic, 0): 0 for topic in topics.ALL_TOPICS}
    reader.close()


def test_a_file_that_is_no_log_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StorageFailed, match=r"log\.db"):
        SqliteLogReader(path, [topics.RUNS])


def test_a_poll_ends_at_its_bound_of_bytes(log: DirectLog) -> None:
    log.append_raw(*((topics.RUNS, "k", b"x" * 1000) for _ in range(10)))
    reader = SqliteLogReader(log.path, [topics.RUNS], max_bytes=3000)
    counts = [len(reader.poll(100, 0)) for _ in range(5)]
    assert counts == [3, 3, 3, 1, 0]
    reader.close()


def test_removed_records_are_said_and_not_passed_over(log: DirectLog) -> None:
    log.append_raw(*((topics.RUNS, "k", b"x") for _ in range(5)))
    log.remove(topics.RUNS, below=3)
    reader = SqliteLogReader(log.path, [topics.RUNS])
    with pytest.raises(RecordsLost, match=r"records 0 to 2 of trackstream\.runs"):
        reader.poll(10, 0)
    reader.close()


def test_a_cut_end_is_said(log: DirectLog) -> None:
    log.append_raw(*((topics.RUNS, "k", b"x") for _ in range(5)))
    log.remove(topics.RUNS, below=5)
    reader = SqliteLogReader(log.path, [topics.RUNS])
    reader.seek({TopicPartition(topics.RUNS, 0): 2})
    with pytest.raises(RecordsLost, match="records 2 to 4"):
        reader.poll(10, 0)
    reader.close()


@pytest.mark.parametrize("kept", [0, 2])
def test_a_topic_with_retention_may_have_lost_its_oldest(log: DirectLog, kept: int) -> None:
    log.append_raw(*((topics.ARTIFACT_BYTES, "k", b"x") for _ in range(5)))
    log.remove(topics.ARTIFACT_BYTES, below=5 - kept)
    reader = SqliteLogReader(log.path, [topics.ARTIFACT_BYTES])
    assert [record.position.offset for record in reader.poll(10, 0)] == list(range(5 - kept, 5))
    assert reader.positions() == {TopicPartition(topics.ARTIFACT_BYTES, 0): 5}
    reader.close()


def test_no_topic_starves_another(log: DirectLog) -> None:
    log.append_raw(*((name, "k", b"x") for name in (topics.RUNS, topics.METRICS) for _ in range(50)))
    reader = SqliteLogReader(log.path, [topics.RUNS, topics.METRICS])
    seen = {record.position.topic for _ in range(2) for record in reader.poll(5, 0)}
    assert seen == {topics.RUNS, topics.METRICS}
    reader.close()


def test_the_end_of_a_log_that_was_removed_or_replaced_is_an_error(log: DirectLog) -> None:
    reader = SqliteLogReader(log.path, [topics.RUNS])
    log.path.rename(log.path.with_name("aside"))
    with pytest.raises(StorageFailed, match="is gone"):
        reader.end()
    log.path.write_bytes(b"another")
    with pytest.raises(StorageFailed, match="was replaced"):
        reader.end()
    log.path.with_name("aside").rename(log.path)
    assert reader.end() == {TopicPartition(topics.RUNS, 0): 0}
    reader.close()
