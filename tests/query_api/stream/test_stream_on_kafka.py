"""The stream over a Kafka cluster: the same promises as on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kafka_cluster import ClusterLog
from tests.query_api.stream.ear import BEGINNING, Ear
from trackstream.log.kafka import KafkaLogWriter
from trackstream_api.as_of.moment import appended_at
from trackstream_api.stream.feed import LogFeed
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_consumers.log.kafka_watch import KafkaLogWatch
from trackstream_schemas import codec, routing, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream_api.native.stack import Stack
    from trackstream_consumers.log.port import LogReader
    from trackstream_schemas.position import Position, TopicPartition

pytestmark = pytest.mark.integration


class ClusterSource:
    """A cluster's log as a distributed store has it."""

    def __init__(self, uri: str) -> None:
        self.log = KafkaLogWriter(uri, environ={})
        self._uri = uri
        self._watch = KafkaLogWatch(uri, topics.EVENT_TOPICS, environ={})

    def open_reader(self, names: Sequence[str]) -> LogReader:
        return KafkaLogReader(self._uri, names, environ={})

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        return self._watch.offsets_at(millis)

    def close(self) -> None:
        self._watch.close()
        self.log.close()


@pytest.fixture
def cluster(kafka_stack: Stack) -> ClusterLog:
    return ClusterLog(kafka_stack.kafka, partitions=3)


@pytest.fixture
def source(cluster: ClusterLog) -> Iterator[ClusterSource]:
    opened = ClusterSource(cluster.uri)
    yield opened
    opened.close()


def put(cluster: ClusterLog, numbers: range) -> list[Position]:
    events = [
        e.Event(e.Envelope(new_id(), 7, "p", number), e.TagsSet(f"run-{number % 7}", {"n": str(number)}))
        for number in numbers
    ]
    return cluster.append_raw(
        *((routing.topic_of(at.body), routing.key_of(at.body), codec.encode(at)) for at in events)
    )


def test_from_the_beginning_into_what_comes_and_back(cluster: ClusterLog, source: ClusterSource) -> None:
    feed = LogFeed(source)
    put(cluster, range(200))
    ear = Ear(feed, BEGINNING)
    ear.listen(50)
    live = Ear(feed)
    put(cluster, range(200, 230))
    live.listen(30)
    assert sorted(live.numbers()) == list(range(200, 230))
    back = Ear(feed, dict(ear.listener._passed))
    back.listen(230 - len(ear.got))
    assert sorted(ear.numbers() + back.numbers()) == list(range(230))
    for one in (ear, live, back):
        one.close()


def test_offsets_at_a_time(cluster: ClusterLog, source: ClusterSource) -> None:
    positions = put(cluster, range(30))
    ends = source.offsets_at(2**62)
    assert sum(offset for at, offset in ends.items() if at.topic == topics.RUNS) == 30
    assert set(source.offsets_at(0).values()) == {0}
    taken = {position: appended_at(source, position) for position in positions[::7]}
    for millis in sorted(set(taken.values())):
        found = source.offsets_at(millis)
        for position, moment in taken.items():
            assert (position.offset >= found[position.topic_partition]) == (moment >= millis)
