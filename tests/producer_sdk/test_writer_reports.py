"""What writers say of themselves is what is on the log; and who ends a run that several write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trackstream
from tests.producer_sdk.log_contents import bodies, points, stored
from tests.schemas.strategies import metric_batches
from trackstream.client import Client
from trackstream.delivery import Count
from trackstream.writer_reports import WriterLedger
from trackstream.writers import owns_attached_runs
from trackstream_schemas import events as e
from trackstream_schemas import routing, topics

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream.settings import Settings


@pytest.fixture(params=["memory", "spool"])
def reporting(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(
        update={"durability": request.param, "spool_dir": str(tmp_path / "spool"), "batch_points": 100}
    )


def assert_reports_are_true(store: Path) -> None:
    """Each report counts what stands before it on the log, of its producer, run and writer."""
    records = stored(store)
    for record in records:
        report = record.event.body
        if not isinstance(report, e.WriterReported):
            continue
        envelope = record.event.envelope
        before = [
            r.event
            for r in records
            if r.event.envelope.producer_id == envelope.producer_id
            and r.event.envelope.sequence < envelope.sequence
            and routing.key_of(r.event.body) == report.run_id
            and not isinstance(r.event.body, e.WriterReported | e.RunRewound)
        ]
        batches = [event.body for event in before if isinstance(event.body, e.MetricsLogged)]
        counted: Counter[str] = Counter()
        for batch in batches:
            counted.update(batch.keys[index] for index in batch.key_index.tolist())
        on_topic = Counter(routing.topic_of(event.body) for event in before)
        assert (report.batches, report.points) == (len(batches), dict(counted))
        assert (report.run_events, report.artifact_events) == (
            on_topic[topics.RUNS],
            on_topic[topics.ARTIFACTS],
        )
        sequences = [event.envelope.sequence for event in before]
        assert (report.first_sequence, report.last_sequence) == (
            min(sequences, default=None),
            max(sequences, default=None),
        )


def test_the_closing_counts_are_what_was_sent(store: Path, reporting: Settings) -> None:
    client = Client(store, settings=reporting)
    with client.create_run(run_name="one") as run:
        run.log_param("lr", 0.1)
        for step in range(1234):
            run.log_metric("loss", step, step)
        run.log_metrics({"a": 1, "b": 2})
        run.log_text("x", "x.txt")
    with client.create_run() as other:
        other.log_metric("loss", 1)
    assert client.close().complete
    reports = bodies(store, e.WriterReported)
    assert [(r.run_id, r.state) for r in reports] == [
        (run.run_id, "attached"),
        (run.run_id, "closed"),
        (other.run_id, "attached"),
        (other.run_id, "closed"),
    ]
    assert reports[1].points == {"loss": 1234, "a": 1, "b": 1}
    assert (reports[1].run_events, reports[1].artifact_events) == (3, 1)
    assert reports[1].started_at == reports[0].started_at
    assert (reports[1].lost_points, reports[1].lost_events) == (0, 0)
    assert_reports_are_true(store)
    assert len(points(store)) == 1237


def test_heartbeats_come_while_a_run_is_open_and_end_with_it(store: Path, reporting: Settings) -> None:
    client = Client(store, settings=reporting.model_copy(update={"heartbeat_s": 0.02}))
    run = client.create_run()
    while sum(body.state == "alive" for body in bodies(store, e.WriterReported)) < 3:
        run.log_metric("loss", 1)
        client.flush()
    run.__exit__(None, None, None)
    assert client.close().complete
    reports = bodies(store, e.WriterReported)
    assert [r.state for r in reports][-1] == "closed"
    assert {r.heartbeat_s for r in reports} == {0.02}
    assert_reports_are_true(store)


def test_without_an_end_the_close_of_the_client_says_it(store: Path, reporting: Settings) -> None:
    first = Client(store, settings=reporting)
    run_id = first.create_run().run_id
    first.close()
    client = Client(store, settings=reporting)
    client.log_metric(run_id, "loss", 1.0)
    client.close()
    assert [r.state for r in bodies(store, e.WriterReported)] == ["attached", "closed", "closed"]
    assert_reports_are_true(store)


def test_what_was_dropped_is_in_the_report(store: Path, settings: Settings) -> None:
    client = Client(store, settings=settings)
    run = client.create_run()
    client.producer.losses.count_dropped(run.run_id, Count(0, 3))
    run.close_writer()
    client.close()
    report = bodies(store, e.WriterReported)[-1]
    assert (report.state, report.lost_events) == ("closed", 3)


@given(batches=st.lists(metric_batches(), max_size=6))
def test_counts_are_those_of_the_batches(batches: list[e.MetricsLogged]) -> None:
    ledger = WriterLedger("w", 30.0, lambda _: Count())
    ledger.count(batches, 10)
    expected: dict[tuple[str, str], Counter[str]] = {}
    for batch in batches:
        counted = expected.setdefault((batch.run_id, batch.writer), Counter())
        counted.update(batch.keys[index] for index in batch.key_index.tolist())
    for (run_id, writer), counted in expected.items():
        found = ledger.report(run_id, writer, "alive").points
        assert {key: count for key, count in found.items() if count} == dict(counted)


@pytest.mark.parametrize(
    ("writer", "owns"),
    [
        ("", True),
        ("rank0", True),
        ("0", True),
        ("worker-00", True),
        ("rank7", False),
        ("rank10", False),
        ("w", False),
    ],
)
def test_number_zero_answers_for_a_run(writer: str, owns: bool) -> None:
    assert owns_attached_runs(writer) is owns


_RANK = """
import sys, trackstream
with trackstream.start_run():
    for step in range(200):
        trackstream.log_metric("loss", step, step=step)
    if sys.argv[1:] == ["fail"]:
        raise SystemExit(1)
"""


def test_a_rank_that_ends_does_not_end_the_run_of_the_others(store: Path, settings: Settings) -> None:
    client = Client(store, settings=settings)
    run = client.create_run()
    client.flush()

    def rank(writer: str, *arguments: str) -> None:
        variables = {"TRACKSTREAM_URI": str(store), "TRACKSTREAM_RUN_ID": run.run_id}
        subprocess.run(
            [sys.executable, "-c", _RANK, *arguments],
            env={**os.environ, **variables, "TRACKSTREAM_WRITER": writer},
            timeout=120,
            check=not arguments,
        )

    rank("rank7")
    rank("rank3", "fail")
    assert bodies(store, e.RunUpdated) == []
    rank("rank0")
    assert [body.status for body in bodies(store, e.RunUpdated)] == ["RUNNING", "FINISHED"]
    closed = {r.writer: r.points for r in bodies(store, e.WriterReported) if r.state == "closed"}
    assert closed == {writer: {"loss": 200} for writer in ("rank7", "rank3", "rank0")}
    assert Counter(batch.writer for batch in bodies(store, e.MetricsLogged)).keys() == closed.keys()
    client.set_terminated(run.run_id, "KILLED")
    client.close()
    assert [body.status for body in bodies(store, e.RunUpdated)][-1] == "KILLED"
    assert_reports_are_true(store)


def test_a_rewind_stands_behind_what_it_supersedes_and_before_what_follows(fluent: Path) -> None:
    with trackstream.start_run() as run:
        for step in range(500):
            trackstream.log_metric("loss", step, step=step)
    with trackstream.start_run(run_id=run.run_id, rewind_to_step=99):
        trackstream.log_metric("loss", -1, step=100)
    course = [
        record.event.body
        for record in stored(fluent)
        if record.topic == topics.METRICS and not isinstance(record.event.body, e.WriterReported)
    ]
    place = course.index(e.RunRewound(run.run_id, "", 99))
    assert sum(len(batch) for batch in course[:place]) == 500  # type: ignore[arg-type]
    assert [len(batch) for batch in course[place + 1 :]] == [1]  # type: ignore[arg-type]


def test_a_rewind_needs_a_run_to_go_back_in(fluent: Path) -> None:
    with pytest.raises(trackstream.InvalidInput, match="rewind_to_step"):
        trackstream.start_run(rewind_to_step=3)
    with pytest.raises(trackstream.InvalidInput, match="rewind_to_step"):
        trackstream.start_run(run_id="r", rewind_to_step=2**70)


def test_what_was_logged_before_a_rewind_is_before_it_on_the_log(store: Path) -> None:
    client = Client(store)
    run = client.create_run()
    for step in range(10):
        run.log_metric("loss", step, step=step)
    run.rewind(5)
    run.log_metric("loss", 0.5, step=5)
    client.close()
    course = [one.event.body for one in stored(store) if one.topic == topics.METRICS]
    counted = [(type(body).__name__, len(getattr(body, "steps", ()))) for body in course]
    kinds = [kind for kind in counted if kind[0] != "WriterReported"]
    assert kinds == [("MetricsLogged", 10), ("RunRewound", 0), ("MetricsLogged", 1)]
