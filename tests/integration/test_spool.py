"""Spools with real processes: killed trainers, logs that go away, syncs that meet others and the owner."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.processes import TRACKSTREAM, Server, environment, finish, trainer
from tests.kafka_cluster import ClusterLog
from tests.producer_sdk.log_contents import assert_none_lost_or_doubled, bodies, points, stored
from trackstream.client import Client
from trackstream.delivery import Count
from trackstream.settings import Settings
from trackstream.spool.place import spools_in
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("TRACKSTREAM_TEST_SPOOL_KILLS", "12"))


def sync(*arguments: object) -> subprocess.Popen[str]:
    """Start `trackstream sync` as a process of its own."""
    return subprocess.Popen(
        [str(TRACKSTREAM), "sync", *map(str, arguments), "-o", "json"],
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def synced(*arguments: object) -> list[dict[str, Any]]:
    """Run `trackstream sync` and return what it says."""
    found: list[dict[str, Any]] = json.loads(finish(sync(*arguments)))
    return found


def wait_until(reached: Callable[[], bool], limit_s: float = 120.0) -> None:
    until = time.monotonic() + limit_s
    while not reached():
        assert time.monotonic() < until, "not reached in time"
        time.sleep(0.02)


def first_events(events: Iterable[e.Event]) -> list[e.Event]:
    """Return each event once, in the order in which they first appear."""
    return list({(x.envelope.producer_id, x.envelope.sequence): x for x in reversed(list(events))}.values())[
        ::-1
    ]


def steps_once(events: Iterable[e.Event], key: str = "loss") -> list[int]:
    """Return the steps of a metric, each event counted once."""
    found: list[int] = []
    for event in first_events(events):
        batch = event.body
        if isinstance(batch, e.MetricsLogged) and key in batch.keys:
            found += batch.steps[batch.key_index == batch.keys.index(key)].tolist()
    return found


def run_until_killed(uri: str, seconds: float, **variables: str) -> list[list[str]]:
    """Run a trainer, kill it after so many seconds of logging, and return the calls that returned."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.spooling_trainer", uri],
        stdout=subprocess.PIPE,
        env=environment(**variables),
    )
    assert process.stdout is not None
    said = [process.stdout.readline()]
    collected: list[bytes] = []
    reader = threading.Thread(target=lambda: collected.append(process.stdout.read()))  # type: ignore[union-attr]
    reader.start()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    reader.join()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    # The last line may be cut, but then its call has returned all the same.
    return [line.split() for line in (said[0] + collected[0]).decode().splitlines() if len(line.split()) == 2]


def assert_all_there(store: Path, calls: list[list[list[str]]]) -> None:
    """Every call that returned is on the log, once; at most one call of each process is there besides."""
    found = Counter((point.run_id, point.key, point.step) for point in points(store))
    tags = Counter((body.run_id, key) for body in bodies(store, e.TagsSet) for key in body.tags)
    assert set(found.values()) == {1}
    assert set(tags.values()) <= {1}
    extra = Counter(run_id for run_id, _, _ in found) + Counter(run_id for run_id, _ in tags)
    for said in calls:
        [[_, run_id]] = [line for line in said if line[0] == "r"]
        expected = [(run_id, "loss", int(step)) for kind, step in said if kind == "m"]
        expected += [(run_id, key, int(step)) for kind, step in said if kind == "n" for key in ("a", "b")]
        expected_tags = [(run_id, f"t{step}") for kind, step in said if kind == "t"]
        lost = [point for point in expected if point not in found]
        assert not lost, f"lost of {run_id}: {lost[:5]}"
        assert not [tag for tag in expected_tags if tag not in tags]
        # What the kill met between the call's return and the line, or in the middle of `log_metrics`.
        assert 0 <= extra[run_id] - len(expected) - len(expected_tags) <= 2


@pytest.mark.parametrize("connected", [False, True], ids=["offline", "connected"])
def test_not_one_call_that_returned_is_lost_to_sigkill(tmp_path: Path, connected: bool) -> None:
    seed = int(os.environ.get("TRACKSTREAM_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed}: repeat with TRACKSTREAM_TEST_SEED={seed}")
    dice = random.Random(seed)
    store, spools = tmp_path / "store", tmp_path / "spools"
    uri = str(store) if connected else f"offline:{spools}"
    settings = {"TRACKSTREAM_DURABILITY": "spool", "TRACKSTREAM_SPOOL_DIR": str(spools)}
    calls = [run_until_killed(uri, dice.uniform(0.0, 0.4), **settings) for _ in range(KILLS)]
    assert sum(len(said) for said in calls) > KILLS
    # Twice at once, and once more: each forwards what it finds, and nothing doubles on the projected side.
    together = [sync(spools, "--uri", store) for _ in range(2)]
    for process in together:
        finish(process)
    assert sum(each["points"] for each in synced(spools, "--uri", store)) == 0
    deduplicated = tmp_path / "once"
    _copy_first_appearances(store, deduplicated)
    assert_all_there(deduplicated, calls)
    assert all(each["deleted"] for each in synced(spools, "--uri", store, "--delete"))
    assert spools_in(spools) == []


def _copy_first_appearances(store: Path, target: Path) -> None:
    """Write a log that has each event of another once, as every projection reads it; checks the order."""
    from trackstream.log.port import EncodedEvent
    from trackstream.log.sqlite import SqliteLogWriter

    records = stored(store)
    writer = SqliteLogWriter(target / "log.db")
    highest: dict[tuple[str, str, str], int] = {}
    seen = set()
    for record in records:
        envelope = record.event.envelope
        identity = (envelope.producer_id, envelope.sequence)
        if identity in seen:
            continue
        seen.add(identity)
        place = (envelope.producer_id, record.topic, record.key)
        assert envelope.sequence > highest.get(place, -1), "a fold would take it for a repeat"
        highest[place] = envelope.sequence
        event = EncodedEvent(record.topic, record.key, codec.encode(record.event))
        writer.append([event]).result()
    writer.close()


def test_a_sync_while_the_run_goes_on_and_the_end_of_it_double_nothing(tmp_path: Path) -> None:
    store, spools = tmp_path / "store", tmp_path / "spools"
    process = trainer("spooling_trainer", f"offline:{spools}", "4000")
    wait_until(lambda: bool(spools_in(spools)))
    rounds = []
    while process.poll() is None:
        rounds += synced(spools, "--uri", store)
    finish(process)
    rounds += synced(spools, "--uri", store)
    assert sum(each["points"] for each in rounds) == 4000 + 2 * 1334
    found = [(point.key, point.step) for point in points(store)]
    wanted = [("loss", step) for step in range(4000)]
    wanted += [(key, step) for step in range(0, 4000, 3) for key in ("a", "b")]
    assert_none_lost_or_doubled(found, wanted)
    status = subprocess.run(
        [str(TRACKSTREAM), "spool", "status", str(spools), "-o", "json"],
        capture_output=True, text=True, check=True, env=environment(), timeout=120,
    )  # fmt: skip
    [state] = json.loads(status.stdout)
    assert (state["alive"], state["copy"], state["waiting_points"]) == (False, False, 0)
    assert state["points"] == len(wanted)
    assert state["events"] == sum(each["events"] for each in rounds)


def test_a_sync_needs_to_know_where_to(tmp_path: Path) -> None:
    finish(trainer("spooling_trainer", f"offline:{tmp_path / 'spools'}", "3"))
    process = sync(tmp_path / "spools")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "--uri" in errors
    process = sync(tmp_path / "nowhere")
    assert process.communicate(timeout=120)[1].startswith("Error: SPOOLS")


def spilling(tmp_path: Path) -> Settings:
    return Settings(
        spool_dir=str(tmp_path / "spools"), spill_after_s=0.2, linger_ms=10, retry_longest_ms=200, actor="t"
    )


def log_through_an_outage(client: Client, run_id: str, spools: Path, back: Callable[[], None]) -> None:
    """Log before, during and after an outage that `back` ends, and see the spool come and go."""
    run = client.run(run_id)
    for step in range(1000, 3000):
        run.log_metric("loss", step, step)
        if step % 500 == 0:
            run.set_tag("reached", step)
    wait_until(lambda: client.delivery_report().spooled.points == 2000)
    assert len(spools_in(spools)) == 1
    back()
    assert client.flush(120)
    for step in range(3000, 3500):
        run.log_metric("loss", step, step)
    report = client.close(120)
    assert report.complete
    assert report.spooled == Count()
    assert report.acknowledged.points == 3500
    assert spools_in(spools) == []


def begin(client: Client) -> str:
    run = client.create_run()
    for step in range(1000):
        run.log_metric("loss", step, step)
    assert client.flush(120)
    return run.run_id


def test_a_locked_log(tmp_path: Path) -> None:
    store = tmp_path / "store"
    client = Client(store, settings=spilling(tmp_path))
    run_id = begin(client)
    with contextlib.closing(sqlite3.connect(store / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        log_through_an_outage(client, run_id, tmp_path / "spools", lambda: other.execute("ROLLBACK") and None)
    events = [record.event for record in stored(store)]
    assert steps_once(events) == list(range(3500))


def test_a_server_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    server = Server(tmp_path / "store")
    server.start()
    try:
        client = Client(server.url, settings=spilling(tmp_path))
        run_id = begin(client)
        server.kill()
        log_through_an_outage(client, run_id, tmp_path / "spools", lambda: server.start() and None)
        server.wait_until_current()
        assert server.count("SELECT count() FROM v_metrics") == 3500
        assert server.count("SELECT uniqExact(step) FROM v_metrics") == 3500
        assert server.call("GET", f"/api/v1/runs/{run_id}")["tags"]["reached"] == "2500"
        assert server.call("GET", "/api/v1/status")["dead_letters"] == 0
    finally:
        server.close()


def test_a_broker_that_hangs_and_goes_on(tmp_path: Path, kafka_stack: Stack) -> None:
    cluster = ClusterLog(kafka_stack.kafka, partitions=2)
    client = Client(cluster.uri, settings=spilling(tmp_path).model_copy(update={"durability": "memory"}))
    run = client.producer.metric_buffer("r1")
    for step in range(1000):
        run.record("loss", step, step)
    assert client.flush(120)
    kafka_stack.kill("kafka")
    for step in range(1000, 3000):
        run.record("loss", step, step)
    wait_until(lambda: client.delivery_report().spooled.points == 2000)
    assert len(spools_in(tmp_path / "spools")) == 1
    kafka_stack.restart("kafka")
    assert client.flush(180)
    for step in range(3000, 3500):
        run.record("loss", step, step)
    report = client.close(180)
    assert report.complete
    assert report.spooled == Count()
    assert spools_in(tmp_path / "spools") == []
    events = [codec.decode(record.value) for record in cluster.stored(topics.METRICS)]
    assert steps_once(events) == list(range(3500))
