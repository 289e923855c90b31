"""Retention removes records that a consumer, being slow, has not read: what is said, and when."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient

from tests.integration.faults.composition import PATIENCE_S, Composition, wait_until
from tests.integration.faults.journal import FIRST_STEP
from tests.integration.faults.outcome import Outcome, under_load
from trackstream_consumers.log.kafka import KafkaLogReader
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.faults.composition import Load
    from trackstream_api.native.stack import Stack

SLOW = ("metrics-1", "metrics-2")
_BEHIND_S = 5.0
_KEPT = 3
"""Records that are left at the end of each partition."""


class Removed(NamedTuple):
    """A record that retention is about to remove."""

    offset: int
    points: list[tuple[str, int]]
    """Run id and index."""


def records_removed(stack: Stack, root: Path) -> Outcome:
    ground = Composition(stack, root, "retention", ("entities", "artifacts", *SLOW), replicas=1)
    try:
        return under_load(ground, "removed", lambda load: _remove_and_mend(ground, load))
    finally:
        ground.close()


def _remove_and_mend(ground: Composition, load: Load) -> float:
    load.expects_letters = True
    slow = [ground.consumers[name] for name in SLOW]
    for process in slow:
        process.send(signal.SIGSTOP)
    time.sleep(_BEHIND_S)
    load.wait_until_logged(time.monotonic())
    removed, cuts = _unread(ground)
    assert cuts, "the log has nothing that was not read"
    admin = AdminClient({"bootstrap.servers": ground.stack.kafka, "log_level": 0})
    at = [KafkaPartition(f"{ground.name}.{topics.METRICS}", number, cut) for number, cut in cuts.items()]
    for future in admin.delete_records(at).values():
        future.result(PATIENCE_S)
    began = time.monotonic()
    for process in slow:
        process.send(signal.SIGCONT)
    # Whoever comes upon the gap ends, with an error that names it; nobody goes over it.
    for process in slow:
        wait_until(lambda process=process: not process.running, "the consumer ends")  # type: ignore[misc]
        assert process.wait() == StorageFailed.exit_code, process.output()
        assert "the log lost records" in process.output()
        assert topics.METRICS in process.output()
    said = time.monotonic() - began
    _check_status(ground, cuts)
    # The operator accepts the loss, and the projection goes on behind it.
    for name in SLOW:
        ground.start_consumer("metrics", name, "--accept-loss").wait_for("consuming ", 1)
    load.wait_until_flowing(time.monotonic())
    told = _told(ground)
    assert told, "no dead letter tells of the loss"
    # Nothing is called lost that was left on the log.
    assert all(behind <= cuts[partition] for partition, ranges in told.items() for _, behind in ranges)
    for partition, ranges in told.items():
        load.excused |= {
            point
            for record in removed[partition]
            for first, behind in ranges
            if first <= record.offset < behind
            for point in record.points
        }
    assert _status(ground)["failure"] is None
    return said


def _status(ground: Composition) -> dict[str, Any]:
    answer = httpx.get(f"{ground.url(0)}/api/v1/status", timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _positions(ground: Composition) -> dict[int, int]:
    with ground.store() as store:
        rows = store.query(
            "SELECT partition, next_offset FROM positions FINAL WHERE projector = 'metrics'"
        ).result_rows
    return {row[0]: row[1] for row in rows}


def _unread(ground: Composition) -> tuple[dict[int, list[Removed]], dict[int, int]]:
    """Return by partition the records that are not projected, and the offset up to which to remove them."""
    reader = KafkaLogReader(ground.kafka_uri, [topics.METRICS], environ={})
    found: dict[int, list[Removed]] = {}
    try:
        positions = _positions(ground)
        ends = reader.end()
        begin = {at: positions.get(at.partition, 0) for at in ends}
        reader.seek(begin)
        while any(reader.positions()[at] < end for at, end in ends.items()):
            for record in reader.poll(1000, 1.0):
                body = codec.decode(record.value).body
                # What a writer says of itself stands there too, and holds no point.
                assert isinstance(body, e.MetricsLogged | e.WriterReported)
                steps = body.steps.tolist() if isinstance(body, e.MetricsLogged) else []
                found.setdefault(record.position.partition, []).append(
                    Removed(record.position.offset, [(body.run_id, step - FIRST_STEP) for step in steps])
                )
    finally:
        reader.close()
    cuts = {
        at.partition: end - _KEPT for at, end in ends.items() if end - _KEPT > positions.get(at.partition, 0)
    }
    return found, cuts


def _check_status(ground: Composition, cuts: dict[int, int]) -> None:
    """The API tells which records are lost: in its status and to Prometheus."""
    positions = _positions(ground)
    gaps = {
        partition: (positions.get(partition, 0), cut)
        for partition, cut in cuts.items()
        if positions.get(partition, 0) < cut
    }
    assert gaps, "somebody went over the gap"
    status = _status(ground)
    lost = {
        at["partition"]: (at["next_offset"], at["next_offset"] + at["lost"])
        for at in status["positions"]
        if at["lost"]
    }
    assert lost == gaps
    for partition, (first, behind) in gaps.items():
        assert f"{first} to {behind - 1} of {topics.METRICS}, partition {partition}" in status["failure"]
    metrics = httpx.get(f"{ground.url(0)}/metrics", timeout=60).text
    assert "trackstream_lost_records" in metrics


def _told(ground: Composition) -> dict[int, list[tuple[int, int]]]:
    """Return by partition the ranges that the dead letters name."""
    with ground.store() as store:
        rows = store.query(
            "SELECT topic, partition, offset, error_message FROM dead_letters FINAL"
            " WHERE error_type = 'RecordsLost' AND projector = 'metrics'"
        ).result_rows
    told: dict[int, list[tuple[int, int]]] = {}
    for topic, partition, offset, message in rows:
        assert TopicPartition(topic, partition).topic == topics.METRICS
        last = int(message.partition(" to ")[2].partition(" of ")[0])
        told.setdefault(partition, []).append((offset, last + 1))
    return told
