"""Events in the Confluent format, from the writer through Kafka and a registry to the reader."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.kafka_cluster import ClusterLog
from tests.registry_server import RegistryServer
from trackstream.log.kafka import KafkaLogWriter
from trackstream.log.port import EncodedEvent
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.confluent_frame import schema_id_of
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.native.stack import Stack
    from trackstream_consumers.log.port import LogRecord

pytestmark = pytest.mark.integration

PATIENCE_S = 60.0


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    server = RegistryServer()
    yield server
    server.close()


def events(count: int) -> list[EncodedEvent]:
    values = [
        codec.encode(e.Event(e.Envelope(new_id(), 1, "p", number), e.TagsSet("r", {"n": str(number)})))
        for number in range(count)
    ]
    return [EncodedEvent(topics.RUNS, "r", value) for value in values]


def gather(reader: KafkaLogReader, count: int) -> list[LogRecord]:
    records: list[LogRecord] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(records) < count:
        assert time.monotonic() < deadline
        records += reader.poll(100, 1)
    return records


def test_both_formats_are_read_from_one_topic(kafka_stack: Stack, registry: RegistryServer) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    environ = {"TRACKSTREAM_KAFKA_SCHEMA_REGISTRY_URL": registry.url}
    plain = KafkaLogWriter(cluster.uri, environ=environ)
    framed = KafkaLogWriter(cluster.uri, environ={**environ, "TRACKSTREAM_KAFKA_VALUE_FORMAT": "confluent"})
    sent = events(4)
    for writer, event in zip((plain, framed, plain, framed), sent, strict=True):
        writer.append([event]).result(PATIENCE_S)
    plain.close()
    framed.close()
    assert [schema_id_of(record.value) for record in cluster.stored(topics.RUNS)] == [None, 1, None, 1]
    assert registry.subjects == {"trackstream.TagsSet": {1}}
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ=environ)
    assert [record.value for record in gather(reader, 4)] == [event.value for event in sent]
    reader.close()


def test_records_wait_for_a_registry_that_is_away(kafka_stack: Stack, registry: RegistryServer) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    environ = {
        "TRACKSTREAM_KAFKA_SCHEMA_REGISTRY_URL": registry.url,
        "TRACKSTREAM_KAFKA_VALUE_FORMAT": "confluent",
    }
    writer = KafkaLogWriter(cluster.uri, environ=environ)
    sent = events(3)
    writer.append(sent).result(PATIENCE_S)
    reader = KafkaLogReader(cluster.uri, [topics.RUNS], environ=environ)
    registry.refuse = (503, 50001, "Error in the backend data store")
    with pytest.raises(Unavailable, match="registry"):
        gather(reader, 1)
    assert isinstance(writer.append([other_event()]).exception(0), Unavailable)
    registry.refuse = None
    assert [record.value for record in gather(reader, 3)] == [event.value for event in sent]
    reader.close()
    writer.close()


def other_event() -> EncodedEvent:
    """Return an event of a schema that the writer has not yet registered."""
    body = e.RunDeleted("r")
    return EncodedEvent(topics.RUNS, "r", codec.encode(e.Event(e.Envelope(new_id(), 1, "p", 9), body)))
