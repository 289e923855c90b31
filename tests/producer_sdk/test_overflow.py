"""durability=memory: what the log does not take goes to the spool, and from there to the log, in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.producer_sdk.broken_writers import FailingWriter, StallingWriter
from tests.producer_sdk.log_contents import assert_sequences_whole, bodies, points, stored
from trackstream.client import Client
from trackstream.delivery import Count
from trackstream.errors import Rejected
from trackstream.spool.place import spools_in
from trackstream_schemas import events as e
from trackstream_schemas.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.producer_sdk.log_contents import Stored
    from trackstream.log.sqlite import SqliteLogWriter
    from trackstream.settings import Settings


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spilling(settings: Settings, spool_dir: Path) -> Settings:
    return settings.model_copy(
        update={"spill_after_s": 0.05, "spool_dir": str(spool_dir), "batch_points": 100}
    )


@pytest.fixture
def stalled(writer: SqliteLogWriter) -> Iterator[StallingWriter]:
    made = StallingWriter(writer)
    yield made
    made.go_on.set()


def wait_until(reached: Callable[[], bool], limit_s: float = 60.0) -> None:
    until = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < until, "not reached in time"
        time.sleep(0.01)


def firsts(records: list[Stored]) -> list[Stored]:
    """Return each event where it first appears."""
    seen = {(r.event.envelope.producer_id, r.event.envelope.sequence): r for r in reversed(records)}
    return sorted(seen.values(), key=lambda record: (record.topic, record.offset))


def test_a_hanging_log_sends_events_to_the_spool_and_gets_them_in_order_when_it_is_back(
    store: Path, writer: SqliteLogWriter, spilling: Settings, spool_dir: Path, stalled: StallingWriter
) -> None:
    run = Client(store, settings=spilling).create_run()
    assert run.flush()
    client = Client(store, settings=spilling, writer=stalled)
    run = client.run(run.run_id)
    for step in range(2000):
        run.log_metric("loss", step, step)
        if step % 100 == 0:
            run.set_tag("step", step)
    wait_until(lambda: client.delivery_report().spooled.points == 2000)
    assert len(spools_in(spool_dir)) == 1
    assert client.delivery_report().pending == Count()
    stalled.go_on.set()
    assert client.flush()
    report = client.delivery_report()
    assert report.spooled == Count()
    assert report.acknowledged == Count(2000, 20)
    # What comes next finds the log again, and the spool is cleared away.
    run.log_metric("loss", 2000, 2000)
    assert client.close().complete
    assert spools_in(spool_dir) == []
    records = firsts(stored(store))
    assert_sequences_whole(records)
    steps = [
        step
        for r in records
        if isinstance(r.event.body, e.MetricsLogged)
        for step in r.event.body.steps.tolist()
    ]
    assert steps == list(range(2001))


@pytest.mark.parametrize("after_append", [False, True], ids=["not-appended", "acknowledgement-lost"])
def test_errors_of_the_log_do_the_same(
    store: Path, writer: SqliteLogWriter, spilling: Settings, spool_dir: Path, after_append: bool
) -> None:
    errors: list[Exception] = [Unavailable("away") if n % 2 else StorageFailed("full") for n in range(60)]
    client = Client(store, settings=spilling, writer=FailingWriter(writer, errors, after_append))
    emit = client.producer.emit
    for number in range(300):
        emit(e.TagsSet("r", {"n": str(number)}))
        if number % 20 == 0:
            time.sleep(0.005)
    assert client.close().complete
    assert client.delivery_report().acknowledged == Count(0, 300)
    records = firsts(stored(store))
    assert_sequences_whole(records)
    assert [r.event.body.tags["n"] for r in records if isinstance(r.event.body, e.TagsSet)] == [
        str(number) for number in range(300)
    ]
    assert spools_in(spool_dir) == []


def test_half_full_memory_spools_before_the_time(
    store: Path, spilling: Settings, spool_dir: Path, stalled: StallingWriter
) -> None:
    patient = spilling.model_copy(update={"spill_after_s": 3600.0, "max_buffered_points": 10_000})
    client = Client(store, settings=patient, writer=stalled)
    record = client.producer.metric_buffer("r").record
    record("loss", 0, 0)
    assert stalled.stalled.wait(60)
    for step in range(1, 4000):
        record("loss", step, step)
    assert spools_in(spool_dir) == []
    for step in range(4000, 9000):
        record("loss", step, step)
    wait_until(lambda: client.delivery_report().spooled.points > 0)
    stalled.go_on.set()
    assert client.close().complete
    assert [p.step for p in points(store)] == list(range(9000))


def test_a_process_that_ends_while_the_log_is_away_leaves_a_spool_to_the_next(
    store: Path,
    spilling: Settings,
    spool_dir: Path,
    stalled: StallingWriter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(store, settings=spilling, writer=stalled)
    record = client.producer.metric_buffer("r").record
    for step in range(950):
        record("loss", step, step)
    report = client.close(0.1)
    assert report.complete
    assert report.spooled == Count(950, 0)
    assert "trackstream sync" in caplog.text
    following = Client(store, settings=spilling)
    wait_until(lambda: spools_in(spool_dir) == [])
    assert following.close().complete
    assert [p.step for p in points(store)] == list(range(950))
    assert_sequences_whole(stored(store))


def test_where_neither_log_nor_spool_takes_anything_memory_is_the_bound_and_losses_are_counted(
    store: Path, spilling: Settings, stalled: StallingWriter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    nowhere = spilling.model_copy(
        update={"spool_dir": str(tmp_path / "file" / "spool"), "max_buffered_points": 1000}
    )
    client = Client(store, settings=nowhere, writer=stalled)
    record = client.producer.metric_buffer("r").record
    for step in range(3000):
        record("loss", step, step)
    report = client.close(0.1)
    assert report.dropped_points + report.lost_points == 3000
    assert report.dropped_points > 0
    assert "spool" in caplog.text


def test_a_full_spool_keeps_events_in_memory_until_the_log_is_back(
    store: Path, spilling: Settings, stalled: StallingWriter, spool_dir: Path
) -> None:
    small = spilling.model_copy(update={"spool_max_bytes": 1})
    client = Client(store, settings=small, writer=stalled)
    record = client.producer.metric_buffer("r").record
    for step in range(1000):
        record("loss", step, step)
    wait_until(lambda: client.delivery_report().spooled.points > 0)
    assert client.delivery_report().pending.points > 0
    stalled.go_on.set()
    assert client.close().complete
    assert [p.step for p in points(store)] == list(range(1000))


def test_what_the_log_refuses_for_good_is_lost_and_the_rest_goes_on(
    store: Path, writer: SqliteLogWriter, spilling: Settings, spool_dir: Path
) -> None:
    failing = FailingWriter(writer, [Rejected("event", 1, "another")])
    client = Client(store, settings=spilling, writer=failing)
    client.producer.emit(e.TagsSet("r", {"n": "0"}))
    assert client.flush()
    client.producer.emit(e.TagsSet("r", {"n": "1"}))
    report = client.close()
    assert report.lost == {"r": Count(0, 1)}
    assert [body.tags for body in bodies(store, e.TagsSet)] == [{"n": "1"}]
    assert_sequences_whole(stored(store))


def test_who_waits_for_an_acknowledgement_is_told_that_the_log_is_away(
    store: Path, spilling: Settings, stalled: StallingWriter
) -> None:
    client = Client(store, settings=spilling, writer=stalled)
    client.producer.emit(e.TagsSet("r", {"n": "0"}))
    wait_until(lambda: client.delivery_report().spooled.events == 1)
    with pytest.raises(Unavailable, match="spool"):
        client.producer.emit_and_wait([e.TagsSet("r", {"n": "1"})])
    stalled.go_on.set()
    assert client.flush()
    client.producer.emit_and_wait([e.TagsSet("r", {"n": "2"})])
    assert client.close().complete
    assert [body.tags["n"] for body in bodies(store, e.TagsSet)] == ["0", "2"]
