"""durability=spool: on the disk when the call returns, forwarded in order, found again after a death."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
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
from trackstream.client import Client
from trackstream.delivery import Count
from trackstream.log.open import open_blob_store
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.spool.forwarding import Destination
from trackstream.spool.place import spools_in
from trackstream.spool.syncing import Synced, state_of, sync
from trackstream_schemas import events as e
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trackstream.settings import Settings


@pytest.fixture
def spooling(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"durability": "spool", "spool_dir": str(tmp_path / "spool")})


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


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


def to_store(store: Path, spool_dir: Path) -> Destination:
    writer = SqliteLogWriter(store / "log.db")
    return Destination(writer, lambda: open_blob_store(str(store)), 60.0)


def sync_all(store: Path, spool_dir: Path, **options: bool) -> list[Synced]:
    to = to_store(store, spool_dir)
    done = [synced for path in spools_in(spool_dir) if (synced := sync(path, to, **options)) is not None]
    to.writer.close()
    return done


def test_everything_reaches_the_log_and_the_spool_is_gone(
    store: Path, spooling: Settings, spool_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "large.bin").write_bytes(b"x" * 3_000_000)
    client = Client(store, settings=spooling.model_copy(update={"artifact_inline_limit": 1 << 20}))
    with client.create_run(run_name="one") as run:
        run.log_param("lr", 0.1)
        for step in range(5000):
            run.log_metric("loss", step * 0.5, step)
        run.log_metrics({"a": 1, "b": 2}, step=3)
        run.log_text("small", "small.txt")
        run.log_artifact(tmp_path / "large.bin")
    report = client.close()
    assert report.complete
    assert report.acknowledged.points == 5002
    assert report.spooled == Count()
    assert [p.step for p in points(store) if p.key == "loss"] == list(range(5000))
    assert bodies(store, e.ParamsLogged) == [e.ParamsLogged(run.run_id, {"lr": "0.1"})]
    assert [body.path for body in bodies(store, e.ArtifactLogged)] == ["small.txt", "large.bin"]
    assert_sequences_whole(stored(store))
    assert len({record.event.envelope.producer_id for record in stored(store)}) == 1
    assert spools_in(spool_dir) == []


def test_a_call_returns_with_the_event_on_the_disk_whatever_the_log_does(
    store: Path, spooling: Settings, spool_dir: Path, stalled: StallingWriter
) -> None:
    client = Client(store, settings=spooling, writer=stalled)
    run = client.run("r1")
    run.log_param("lr", 1)
    run.log_metric("loss", 0.5, 1)
    # As another process sees it, while the log hangs.
    [path] = spools_in(spool_dir)
    copy = spool_dir.parent / "copy"
    shutil.copytree(spool_dir, copy)
    state = state_of(copy / path.name)
    assert state is not None
    assert state.tally.waiting_points + state.journal_points == 1
    assert stalled.stalled.wait(60)
    assert not client.flush(0.01)
    assert client.delivery_report().spooled == Count(1, 1)
    stalled.go_on.set()
    assert client.flush()
    assert client.close().complete
    assert len(points(store)) == 1


def test_a_log_that_comes_back_gets_everything_once_in_order(
    store: Path, writer: SqliteLogWriter, spooling: Settings, spool_dir: Path
) -> None:
    away = FailingWriter(writer, [Unavailable("away") for _ in range(20)], after_append=True)
    client = Client(store, settings=spooling, writer=away)
    run = client.run("r1")
    for step in range(3000):
        run.log_metric("loss", step, step)
        if step % 100 == 0:
            run.set_tag("step", step)
    assert client.close().complete
    # Acknowledgements were lost, so records repeat; the first appearances are whole and in order.
    seen = {(r.event.envelope.producer_id, r.event.envelope.sequence): r for r in reversed(stored(store))}
    firsts = sorted(seen.values(), key=lambda record: (record.topic, record.offset))
    assert_sequences_whole(firsts)
    assert [r.event.body.tags["step"] for r in firsts if isinstance(r.event.body, e.TagsSet)] == [
        str(step) for step in range(0, 3000, 100)
    ]
    assert spools_in(spool_dir) == []


def test_what_the_log_does_not_take_before_the_end_stays_for_the_next_process(
    store: Path,
    spooling: Settings,
    spool_dir: Path,
    stalled: StallingWriter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(store, settings=spooling, writer=stalled)
    run = client.run("r1")
    for step in range(500):
        run.log_metric("loss", step, step)
    run.set_tag("k", "v")
    report = client.close(0.05)
    assert report.complete
    assert report.spooled == Count(500, 1)
    assert "500 points and 1 events are in the spool" in caplog.text
    run.log_metric("loss", 1, 9999)
    assert client.delivery_report().dropped == {"r1": Count(1, 0)}
    assert stored(store) == []
    # The next one finds it, while it logs itself.
    following = Client(store, settings=spooling)
    following.run("r2").log_metric("loss", 1, 0)
    wait_until(lambda: len(points(store)) == 501)
    assert following.close().complete
    wait_until(lambda: spools_in(spool_dir) == [])
    assert [p.step for p in points(store) if p.run_id == "r1"] == list(range(500))
    assert_sequences_whole(stored(store))


def test_a_spool_for_another_log_is_left_alone(
    store: Path, spooling: Settings, spool_dir: Path, stalled: StallingWriter, tmp_path: Path
) -> None:
    client = Client(store, settings=spooling, writer=stalled)
    client.run("r1").set_tag("k", "v")
    client.close(0.01)
    [left] = spools_in(spool_dir)
    other = Client(tmp_path / "other", settings=spooling)
    other.run("r2").set_tag("k", "v")
    assert other.close().complete
    assert spools_in(spool_dir) == [left]
    assert [body.run_id for body in bodies(tmp_path / "other", e.TagsSet)] == ["r2"]


def test_a_full_spool_drops_and_counts_and_never_raises(
    store: Path, spooling: Settings, stalled: StallingWriter, spool_dir: Path
) -> None:
    small = spooling.model_copy(update={"spool_max_bytes": 1})
    client = Client(store, settings=small, writer=stalled)
    run = client.run("r1")
    for step in range(10):
        run.log_metric("loss", step, step)
    run.set_tag("k", "v")
    assert client.delivery_report().dropped == {"r1": Count(10, 1)}
    stalled.go_on.set()
    client.close()


def test_an_event_that_cannot_be_encoded_is_counted(store: Path, spooling: Settings) -> None:
    client = Client(store, settings=spooling)
    assert not client.producer.emit(e.RunUpdated("r", end_time="soon"))  # type: ignore[arg-type]
    client.producer.emit(e.TagsSet("r", {"a": "b"}))
    report = client.close()
    assert report.dropped == {"r": Count(0, 1)}
    assert_sequences_whole(stored(store))


@pytest.mark.parametrize("uri", ["offline", "store"])
def test_forked_children_have_spools_of_their_own(store: Path, spool_dir: Path, uri: str) -> None:
    target = f"offline:{spool_dir}" if uri == "offline" else str(store)
    script = """
import os, sys
import trackstream
trackstream.set_tracking_uri(sys.argv[1])
with trackstream.start_run() as run:
    children = []
    for number in range(3):
        for step in range(1000):
            trackstream.log_metric(f"parent{number}", step, step=step)
        child = os.fork()
        if child == 0:
            for step in range(500):
                trackstream.log_metric(f"child{number}", step, step=step)
            trackstream.set_tag(f"child{number}", "v")
            trackstream.flush()
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
"""
    environment = {**os.environ, "TRACKSTREAM_DURABILITY": "spool", "TRACKSTREAM_SPOOL_DIR": str(spool_dir)}
    subprocess.run([sys.executable, "-c", script, target], check=True, timeout=120, env=environment)
    if uri == "offline":
        assert len(spools_in(spool_dir)) == 4
    sync_all(store, spool_dir)
    expected = [
        (f"{kind}{n}", s)
        for n in range(3)
        for kind, c in (("parent", 1000), ("child", 500))
        for s in range(c)
    ]
    assert_none_lost_or_doubled([(point.key, point.step) for point in points(store)], expected)
    assert_sequences_whole(stored(store))
    assert len({record.event.envelope.producer_id for record in stored(store)}) == 4


_KILLED = """
import os, signal, sys
import trackstream
trackstream.set_tracking_uri(sys.argv[1])
run = trackstream.start_run()
for step in range(10_000):
    trackstream.log_metric("loss", step, step=step)
    trackstream.log_metrics({"a": step, "b": -step}, step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(spool_dir: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, f"offline:{spool_dir}"], timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL


def test_two_copies_of_a_killed_process_give_the_same_events_the_same_identities(
    store: Path, spool_dir: Path, tmp_path: Path
) -> None:
    killed(spool_dir)
    copy = tmp_path / "copy"
    shutil.copytree(spool_dir, copy)
    [cautious] = sync_all(store, copy)
    [whole] = sync_all(store, spool_dir)
    # A copy might be of a process that lives on: what is in its journal waits for --recover.
    assert cautious.forwarded.points + cautious.left == 30_000
    assert cautious.forwarded.points + whole.forwarded.points >= 30_000
    sync_all(store, copy, recover_copy=True)
    seen = {(r.event.envelope.producer_id, r.event.envelope.sequence): r.event.body for r in stored(store)}
    for record in stored(store):
        envelope = record.event.envelope
        assert record.event.body == seen[envelope.producer_id, envelope.sequence]
    steps = [
        step for body in seen.values() if isinstance(body, e.MetricsLogged) for step in body.steps.tolist()
    ]
    assert_none_lost_or_doubled(steps, [step for step in range(10_000) for _ in range(3)])


def test_an_offline_run_is_resumed_and_unknown_ids_are_taken_as_they_are(
    spool_dir: Path, spooling: Settings, store: Path
) -> None:
    first = Client(f"offline:{spool_dir}", settings=spooling)
    experiment = first.create_experiment("far away")
    run = first.create_run(experiment)
    run.log_param("lr", 1)
    first.close()
    again = Client(f"offline:{spool_dir}", settings=spooling)
    resumed = again.resume_run(run.run_id)
    assert resumed.info.experiment_id == experiment
    with pytest.raises(Exception, match="'lr'"):
        resumed.log_param("lr", 2)
    again.run("elsewhere").set_tag("k", "v")
    assert again.close().spooled.events > 0
    sync_all(store, spool_dir, delete=True)
    assert spools_in(spool_dir) == []
    assert [body.run_id for body in bodies(store, e.TagsSet)] == ["elsewhere"]
    assert len(bodies(store, e.ExperimentCreated)) == 1
