"""What only the Kafka log's writer promises, on a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.kafka_cluster import ClusterLog
from tests.producer_sdk.log.test_log_writer_contract import encoded, tags
from trackstream.errors import Rejected
from trackstream.log.kafka import KafkaLogWriter
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.kafka_topics import MAX_RECORD_BYTES
from trackstream_schemas.schema_files import newest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream.log.port import EncodedEvent
    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

PATIENCE_S = 60.0


@pytest.fixture
def cluster(kafka_stack: Stack) -> ClusterLog:
    return ClusterLog(kafka_stack.kafka, partitions=2)


@pytest.fixture
def writer(cluster: ClusterLog) -> Iterator[KafkaLogWriter]:
    opened = KafkaLogWriter(cluster.uri, environ={})
    yield opened
    opened.close()


def sequences(cluster: ClusterLog, topic: str = topics.RUNS) -> dict[str, list[int]]:
    """Return each key's sequences in log order."""
    found: dict[str, list[int]] = {}
    for record in cluster.stored(topic):
        found.setdefault(record.key, []).append(codec.decode(record.value).envelope.sequence)
    return found


def firsts(numbers: list[int]) -> list[int]:
    """Return the numbers in the order in which each appears first."""
    return list(dict.fromkeys(numbers))


def chunk(size: int) -> EncodedEvent:
    return encoded(e.ArtifactChunk("u", 0, size, "0" * 64, os.urandom(size)))


def test_what_is_acknowledged_stands_where_it_is_said(cluster: ClusterLog, writer: KafkaLogWriter) -> None:
    events = [encoded(tags(f"run{number}", number), number) for number in range(50)]
    positions = writer.append(events).result(PATIENCE_S)
    stored = {record.position: record for record in cluster.stored(topics.RUNS)}
    assert len(stored) == 50
    for event, position in zip(events, positions, strict=True):
        assert (stored[position].key, stored[position].value) == (event.key, event.value)


def test_the_log_describes_itself(cluster: ClusterLog, writer: KafkaLogWriter) -> None:
    for number in range(3):
        writer.append([encoded(tags("r", number)), encoded(e.RunDeleted("r"))]).result(PATIENCE_S)
    stored = {record.key: record.value for record in cluster.stored(topics.SCHEMAS)}
    used = [newest()[name] for name in ("TagsSet", "RunDeleted")]
    assert stored == {schema.fingerprint.hex(): schema.text.encode() for schema in used}
    assert len(cluster.stored(topics.SCHEMAS)) == 2


def test_the_largest_event_passes_and_a_larger_one_is_rejected(
    cluster: ClusterLog, writer: KafkaLogWriter
) -> None:
    largest = chunk(MAX_RECORD_BYTES - 1024)
    [position] = writer.append([largest]).result(PATIENCE_S)
    [record] = cluster.stored(topics.ARTIFACT_BYTES)
    assert (record.position, record.value) == (position, largest.value)
    error = writer.append([encoded(tags("r", 1)), chunk(MAX_RECORD_BYTES)]).exception(PATIENCE_S)
    assert isinstance(error, Rejected)
    assert "at most" in str(error)
    assert cluster.stored(topics.RUNS) == []


def test_a_missing_topic_says_how_it_is_made(kafka_stack: Stack) -> None:
    writer = KafkaLogWriter(f"kafka://{kafka_stack.kafka}?topic.prefix=missing.", environ={})
    error = writer.append([encoded(tags("r", 1))]).exception(PATIENCE_S)
    assert isinstance(error, StorageFailed)
    assert "trackstream topics create" in str(error)
    writer.close()


def test_a_cluster_that_is_not_there_is_unavailable_within_the_bound() -> None:
    writer = KafkaLogWriter("kafka://127.0.0.1:1", environ={}, append_timeout=0.5)
    assert isinstance(writer.append([encoded(tags("r", 1))]).exception(0), Unavailable)
    writer.close()


def test_a_closed_writer_is_unavailable(writer: KafkaLogWriter) -> None:
    writer.close()
    assert isinstance(writer.append([encoded(tags("r", 1))]).exception(0), Unavailable)


def test_a_refusal_ends_what_was_behind_it_and_the_writer_goes_on(
    cluster: ClusterLog, writer: KafkaLogWriter
) -> None:
    """A topic that takes less than it should refuses one event: nothing of its key may overtake it."""
    writer.append([encoded(tags("r", 0), 0)]).result(PATIENCE_S)
    cluster.set_config(topics.RUNS, "max.message.bytes", "2000")
    deadline = time.monotonic() + PATIENCE_S
    small, large = "x", os.urandom(6000).hex()
    sequence = 1
    while True:
        bodies = [e.TagsSet("r", {"t": text}) for text in (small, large, small)]
        futures = [writer.append([encoded(body, sequence + number)]) for number, body in enumerate(bodies)]
        errors = [future.exception(PATIENCE_S) for future in futures]
        if errors[1] is not None:
            break
        # The broker has not yet heard of the setting.
        assert time.monotonic() < deadline
        sequence += 3
    assert isinstance(errors[1], StorageFailed)
    assert "max.message.bytes" in str(errors[1])
    assert isinstance(errors[2], (Unavailable, StorageFailed))
    assert sequence + 2 not in sequences(cluster)["r"]
    cluster.set_config(topics.RUNS, "max.message.bytes", str(MAX_RECORD_BYTES))
    pending = [sequence + number for number, error in enumerate(errors) if error is not None]
    for number in pending:
        event = encoded(bodies[number - sequence], number)
        while writer.append([event]).exception(PATIENCE_S) is not None:
            assert time.monotonic() < deadline
    found = firsts(sequences(cluster)["r"])
    assert found == list(range(sequence + 3))


def test_a_full_queue_is_unavailable_and_closing_concludes_all(kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka)
    writer = KafkaLogWriter(
        cluster.uri, environ={}, append_timeout=15, close_timeout=0.5, max_pending_bytes=100_000
    )
    writer.append([encoded(tags("r", 0))]).result(PATIENCE_S)
    kafka_stack.pause("kafka")
    try:
        text = "x" * 10_000
        futures = [writer.append([encoded(e.TagsSet("r", {"t": text}), 1 + n)]) for n in range(10)]
        refused = [future for future in futures if future.done()]
        assert refused
        assert all(isinstance(future.exception(0), Unavailable) for future in refused)
        assert not futures[0].done()
        writer.close()
        assert all(isinstance(future.exception(0), Unavailable) for future in futures)
    finally:
        kafka_stack.resume("kafka")


def test_a_broker_killed_while_events_are_appended(kafka_stack: Stack) -> None:
    """Nothing acknowledged is lost, each key's events appear first in order, and appends just go on."""
    cluster = ClusterLog(kafka_stack.kafka, partitions=3)
    writer = KafkaLogWriter(cluster.uri, environ={})
    stop = threading.Event()
    acknowledged: dict[str, int] = {}

    def trainer(run_id: str) -> None:
        sequence = 0
        while not stop.is_set():
            # Two appends under way at once, as an API with several callers has them.
            futures = [
                writer.append([encoded(tags(run_id, n), n, run_id) for n in range(first, first + 3)])
                for first in (sequence, sequence + 3)
            ]
            for future in futures:
                # A broker's restart takes minutes on a machine that does much else.
                future.result(10 * PATIENCE_S)
            sequence += 6
            acknowledged[run_id] = sequence

    def wait_for_sixty_more() -> None:
        before = sum(acknowledged.values())
        while sum(acknowledged.values()) < before + 60:
            assert all(thread.is_alive() for thread in trainers), "an append failed"
            time.sleep(0.01)

    trainers = [threading.Thread(target=trainer, args=(f"run{number}",)) for number in range(3)]
    for thread in trainers:
        thread.start()
    for _ in range(2):
        wait_for_sixty_more()
        kafka_stack.kill("kafka")
        kafka_stack.restart("kafka")
    wait_for_sixty_more()
    stop.set()
    for thread in trainers:
        thread.join()
    writer.close()
    found = sequences(cluster)
    for run_id, count in acknowledged.items():
        assert found[run_id] == list(range(count)), run_id


_CHILD = """
import os, sys
from tests.producer_sdk.log.test_log_writer_contract import encoded, tags
from trackstream.log.kafka import KafkaLogWriter
writer = KafkaLogWriter(sys.argv[1], environ={})
writer.append([encoded(tags("r", 0), 0, "parent")]).result(60)
child = os.fork()
name = "parent" if child else "child"
writer.append([encoded(tags("r", 1), 1, name)]).result(60)
writer.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_goes_on_with_a_client_of_its_own(cluster: ClusterLog) -> None:
    subprocess.run([sys.executable, "-c", _CHILD, cluster.uri], check=True, timeout=2 * PATIENCE_S)
    producers = [codec.decode(record.value).envelope.producer_id for record in cluster.stored(topics.RUNS)]
    assert sorted(producers) == ["child", "parent", "parent"]
