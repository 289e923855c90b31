"""The contract of `LogWriter`, for every adapter. A new adapter is one more entry of ADAPTERS."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.query_api.live_server import LiveServer
from trackstream.log.http import HttpLogWriter
from trackstream.log.port import EncodedEvent
from trackstream.log.sqlite import SqliteLogWriter
from trackstream_schemas import codec, routing, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trackstream.log.port import LogWriter


def encoded(body: e.Body, sequence: int = 0, producer: str = "p") -> EncodedEvent:
    """Return an event ready to be appended."""
    value = codec.encode(e.Event(e.Envelope(new_id(), 1, producer, sequence), body))
    return EncodedEvent(routing.topic_of(body), routing.key_of(body), value)


def tags(run_id: str, number: int) -> e.TagsSet:
    """Return a body that can be told from others."""
    return e.TagsSet(run_id, {"number": str(number)})


@dataclass
class Log:
    """A log under test."""

    open_writer: Callable[[], LogWriter]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("served"))
    yield live
    live.close()


def _sqlite(request: pytest.FixtureRequest, path: Path) -> Log:
    return Log(lambda: SqliteLogWriter(path / "log.db"))


def _sqlite_partitioned(request: pytest.FixtureRequest, path: Path) -> Log:
    return Log(lambda: SqliteLogWriter(path / "log.db", partitions=3))


def _http(request: pytest.FixtureRequest, path: Path) -> Log:
    live: LiveServer = request.getfixturevalue("server")
    return Log(lambda: HttpLogWriter(live.url))


def _kafka(request: pytest.FixtureRequest, path: Path) -> Log:
    from tests.kafka_cluster import ClusterLog
    from trackstream.log.kafka import KafkaLogWriter

    cluster = ClusterLog(request.getfixturevalue("kafka_stack").kafka, partitions=3)
    return Log(lambda: KafkaLogWriter(cluster.uri, environ={}))


ADAPTERS = {"sqlite": _sqlite, "sqlite-3-partitions": _sqlite_partitioned, "http": _http, "kafka": _kafka}
_REAL_SERVERS = {"kafka"}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.integration) if name in _REAL_SERVERS else name
        for name in ADAPTERS
    ]
)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return ADAPTERS[request.param](request, tmp_path)


@pytest.fixture
def writer(log: Log) -> Iterator[LogWriter]:
    opened = log.open_writer()
    yield opened
    opened.close()


class TestLogWriter:
    def test_append_tells_where_each_event_stands(self, writer: LogWriter) -> None:
        run_id, upload = new_id(), new_id()
        bodies = [tags(run_id, 0), e.ArtifactChunk(upload, 0, 1, "0" * 64, b"x"), tags(run_id, 1)]
        first, chunk, last = writer.append([encoded(body) for body in bodies]).result(30)
        assert (first.topic, chunk.topic, last.topic) == (topics.RUNS, topics.ARTIFACT_BYTES, topics.RUNS)
        assert first.partition == last.partition
        assert last.offset == first.offset + 1

    def test_no_events_is_no_error(self, writer: LogWriter) -> None:
        assert writer.append([]).result(30) == []

    def test_history_has_the_events_of_a_key_in_order(self, writer: LogWriter) -> None:
        run_id, other = new_id(), new_id()
        for number in range(3):
            writer.append([encoded(tags(run_id, number), number), encoded(tags(other, 9), number)]).result(30)
        history = writer.history(topics.RUNS, run_id)
        if history is not None:
            assert [event.body for event in history] == [tags(run_id, number) for number in range(3)]
            assert writer.history(topics.RUNS, new_id()) == []
            assert writer.history(topics.EXPERIMENTS, run_id) == []

    def test_history_is_none_where_the_log_cannot_tell(self, writer: LogWriter) -> None:
        assert writer.history(topics.METRICS, "any") is None

    def test_another_writer_sees_what_was_appended(self, log: Log, writer: LogWriter) -> None:
        run_id = new_id()
        [position] = writer.append([encoded(tags(run_id, 1))]).result(30)
        other = log.open_writer()
        [next_position] = other.append([encoded(tags(run_id, 2))]).result(30)
        other.close()
        assert next_position.partition == position.partition
        assert next_position.offset > position.offset

    def test_threads_share_a_writer(self, writer: LogWriter) -> None:
        run_ids = [new_id() for _ in range(4)]

        def append(run_id: str) -> None:
            for number in range(10):
                writer.append([encoded(tags(run_id, number), number, run_id)]).result(30)

        threads = [threading.Thread(target=append, args=(run_id,)) for run_id in run_ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run_id in run_ids:
            history = writer.history(topics.RUNS, run_id)
            if history is not None:
                assert [event.envelope.sequence for event in history] == list(range(10))
