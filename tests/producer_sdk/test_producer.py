"""The producer: stamping, order, retries, bounds, and what it says about losses."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from tests.producer_sdk.broken_writers import FailingWriter, StallingWriter
from tests.producer_sdk.log_contents import (
    assert_none_lost_or_doubled,
    assert_sequences_whole,
    bodies,
    points,
    stored,
)
from trackstream.delivery import Count
from trackstream.errors import Rejected
from trackstream.producer import Producer
from trackstream_schemas import codec
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream.log.sqlite import SqliteLogWriter
    from trackstream.settings import Settings


def tags(number: int, run_id: str = "r") -> e.TagsSet:
    return e.TagsSet(run_id, {"number": str(number)})


@pytest.fixture
def producer(writer: SqliteLogWriter, settings: Settings) -> Iterator[Producer]:
    made = Producer(writer, settings, actor="ann")
    yield made
    made.close(5)


@pytest.fixture
def stalling(writer: SqliteLogWriter) -> Iterator[StallingWriter]:
    made = StallingWriter(writer)
    yield made
    made.go_on.set()


def test_events_are_stamped_in_the_order_in_which_they_were_emitted(producer: Producer, store: Path) -> None:
    for number in range(100):
        assert producer.emit(tags(number))
    assert producer.flush()
    records = stored(store)
    assert [record.event.body for record in records] == [tags(number) for number in range(100)]
    assert [record.event.envelope.sequence for record in records] == list(range(100))
    assert {record.event.envelope.producer_id for record in records} == {producer.producer_id}
    assert {record.event.envelope.actor for record in records} == {"ann"}
    assert len({record.event.envelope.event_id for record in records}) == 100


def test_flush_with_nothing_to_send_needs_no_log(settings: Settings, stalling: StallingWriter) -> None:
    assert Producer(stalling, settings).flush(0)


def test_emit_and_wait_returns_the_positions_of_its_own_events(producer: Producer, store: Path) -> None:
    found: dict[int, list[int]] = {}

    def log(caller: int) -> None:
        positions = producer.emit_and_wait([tags(10 * caller + number) for number in range(3)], actor="bob")
        found[caller] = [position.offset for position in positions]

    threads = [threading.Thread(target=log, args=(caller,)) for caller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_offset = {record.offset: record.event for record in stored(store)}
    for caller in range(8):
        events = [by_offset[offset] for offset in found[caller]]
        assert [event.body for event in events] == [tags(10 * caller + number) for number in range(3)]
        assert {event.envelope.actor for event in events} == {"bob"}
    assert_sequences_whole(stored(store))


def test_callers_who_wait_together_share_an_append(
    writer: SqliteLogWriter, stalling: StallingWriter, settings: Settings
) -> None:
    counting = FailingWriter(stalling, [])
    producer = Producer(counting, settings)
    threads = [
        threading.Thread(target=producer.emit_and_wait, args=([tags(number)],)) for number in range(10)
    ]
    threads[0].start()
    assert stalling.stalled.wait(10)
    for thread in threads[1:]:
        thread.start()
    while producer.report().pending.events < 10:
        pass
    stalling.go_on.set()
    for thread in threads:
        thread.join()
    assert [len(attempt) for attempt in counting.attempts] == [1, 9]
    producer.close(5)


@pytest.mark.parametrize("after_append", [False, True], ids=["not-appended", "acknowledgement-lost"])
def test_an_append_is_repeated_with_the_same_bytes_before_anything_later(
    writer: SqliteLogWriter, settings: Settings, store: Path, after_append: bool
) -> None:
    failing = FailingWriter(
        writer, [Unavailable("away"), StorageFailed("full"), Unavailable("away")], after_append
    )
    producer = Producer(failing, settings)
    producer.emit(tags(0))
    producer.flush()
    producer.emit(tags(1))
    assert producer.flush()
    first, *again = failing.attempts[:4]
    assert again == [first] * 3
    assert [codec.decode(attempt[0].value).body for attempt in failing.attempts] == [tags(0)] * 4 + [tags(1)]
    seen = {(r.event.envelope.producer_id, r.event.envelope.sequence): r.event.body for r in stored(store)}
    assert list(seen.values()) == [tags(0), tags(1)]
    assert producer.report().retries == 3
    assert producer.close(5).complete


@pytest.mark.parametrize("error", [Unavailable("away"), StorageFailed("full"), Rejected("x", 1, "2")])
def test_who_waits_gets_the_logs_error_and_sequences_stay_whole(
    writer: SqliteLogWriter, settings: Settings, store: Path, error: TrackstreamError
) -> None:
    failing = FailingWriter(writer, [error], after_append=True)
    producer = Producer(failing, settings)
    with pytest.raises(type(error)):
        producer.emit_and_wait([tags(0)])
    producer.emit_and_wait([tags(1)])
    # The first one may have arrived (here it has), so no later event may carry its identity.
    assert [record.event.body for record in stored(store)] == [tags(0), tags(1)]
    assert_sequences_whole(stored(store))
    producer.close(5)


def test_who_waits_for_a_stalled_log_is_told_and_the_event_withdrawn(
    stalling: StallingWriter, settings: Settings, store: Path
) -> None:
    producer = Producer(stalling, settings)
    producer.emit(tags(0))
    assert not producer.flush(0.01)
    assert stalling.stalled.wait(10)
    with pytest.raises(Unavailable, match=r"within 0\.01 s"):
        producer.emit_and_wait([tags(1)], timeout=0.01)
    stalling.go_on.set()
    assert producer.flush()
    assert [record.event.body for record in stored(store)] == [tags(0)]
    producer.close(5)


def test_an_event_that_cannot_be_encoded_takes_no_other_with_it(producer: Producer, store: Path) -> None:
    producer.emit(tags(0))
    producer.emit(e.RunUpdated("r", end_time="soon"))  # type: ignore[arg-type]
    producer.emit(tags(1))
    assert producer.flush()
    assert [record.event.body for record in stored(store)] == [tags(0), tags(1)]
    assert_sequences_whole(stored(store))
    assert producer.report().lost == {"r": Count(0, 1)}
    with pytest.raises(ValueError, match="soon"):
        producer.emit_and_wait([e.RunUpdated("r", end_time="soon")])  # type: ignore[arg-type]


def test_events_that_the_log_refuses_for_good_are_counted_and_the_rest_goes_on(
    writer: SqliteLogWriter, settings: Settings, store: Path
) -> None:
    producer = Producer(FailingWriter(writer, [Rejected("events", "x", "y")]), settings)
    record = producer.metric_buffer("r").record
    producer.emit(tags(0))
    record("loss", 1.0)
    assert producer.flush()
    producer.emit(tags(1))
    assert producer.flush()
    report = producer.close(5)
    lost = sum(report.lost.values(), Count())
    assert lost + report.acknowledged == Count(1, 2)
    assert report.lost["r"].events == 1
    assert bodies(store, e.TagsSet) == [tags(1)]
    assert_sequences_whole(stored(store))


def test_a_stalled_log_fills_memory_to_its_bound_and_never_blocks(
    stalling: StallingWriter, settings: Settings, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bounded = settings.model_copy(update={"max_buffered_points": 1000, "max_buffered_bytes": 40_000})
    producer = Producer(stalling, bounded)
    record = producer.metric_buffer("run-a").record
    producer.emit(tags(0, "run-b"))
    assert stalling.stalled.wait(10)
    logged = 3000
    # Would never return if it waited for the log: nothing lets the log go on before.
    for step in range(logged):
        record("loss", float(step), step)
    emitted = [producer.emit(tags(number, "run-b")) for number in range(1, 500)]
    report = producer.report()
    assert report.pending.points + report.dropped["run-a"].points == logged
    assert report.pending.points >= 1000
    assert report.dropped["run-b"] == Count(0, emitted.count(False))
    assert 0 < emitted.count(True) < 499
    assert "not everything that was logged could be kept" in caplog.text
    assert "run-a" in caplog.text
    stalling.go_on.set()
    assert producer.flush()
    record("loss", -1.0, 9999)
    report = producer.close(5)
    kept = [point.step for point in points(store)]
    assert kept == [*range(len(kept) - 1), 9999]
    assert len(kept) + report.dropped["run-a"].points == logged + 1
    assert len(bodies(store, e.TagsSet)) + report.dropped["run-b"].events == 500
    assert_sequences_whole(stored(store))


def test_what_a_closing_producer_cannot_deliver_is_lost_and_reported(
    stalling: StallingWriter, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer(stalling, settings.model_copy(update={"batch_points": 10}))
    record = producer.metric_buffer("r").record
    for step in range(25):
        record("loss", 0.5, step)
    producer.emit(tags(0))
    assert stalling.stalled.wait(10)
    report = producer.close(0.01)
    assert report.lost == {"r": Count(25, 1)}
    assert report.pending == Count(0, 0)
    assert "25 points and 1 events were lost" in caplog.text
    record("loss", 0.5, 25)
    assert not producer.emit(tags(1))
    assert producer.losses.by_run("dropped") == {"r": Count(1, 1)}


def test_a_closing_producer_gives_up_on_a_log_that_stays_away(
    writer: SqliteLogWriter, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer(FailingWriter(writer, [Unavailable("away")] * 100_000), settings)
    producer.emit(tags(0))
    report = producer.close(0.05)
    assert report.lost == {"r": Count(0, 1)}
    assert [record.levelno for record in caplog.records if "trying again" in record.message] == [
        logging.WARNING
    ]


def test_a_large_event_waits_for_room_and_gives_up_in_time(
    stalling: StallingWriter, settings: Settings, store: Path
) -> None:
    producer = Producer(stalling, settings.model_copy(update={"max_buffered_bytes": 10_000}))
    chunks = [e.ArtifactChunk("u", 4000 * number, 8000, "0" * 64, bytes(4000)) for number in range(2)]
    assert producer.emit_when_room(chunks[0], "r", 0)
    assert not producer.emit_when_room(chunks[1], "r", 0.01)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(producer.emit_when_room(chunks[1], "r", 20)))
    waiting.start()
    stalling.go_on.set()
    waiting.join()
    assert results == [True]
    assert producer.flush()
    assert bodies(store, e.ArtifactChunk) == chunks
    producer.close(5)


def test_threads_lose_and_double_nothing(producer: Producer, store: Path) -> None:
    def log(number: int) -> None:
        record = producer.metric_buffer(f"run{number % 3}", str(number)).record
        for step in range(2000):
            record(f"m{step % 5}", float(number), step)
            if step % 100 == 0:
                producer.emit(tags(step, f"run{number % 3}"))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert producer.flush()
    expected = [(f"run{n % 3}", f"m{step % 5}", step, float(n)) for n in range(6) for step in range(2000)]
    found = [
        (batch.run_id, batch.keys[index], step, value)
        for batch in bodies(store, e.MetricsLogged)
        for index, step, value in zip(
            batch.key_index.tolist(), batch.steps.tolist(), batch.values.tolist(), strict=True
        )
    ]
    assert_none_lost_or_doubled(found, expected)
    assert_sequences_whole(stored(store))
    assert len(bodies(store, e.TagsSet)) == 120
    assert producer.report().acknowledged == Count(12_000, 120)
