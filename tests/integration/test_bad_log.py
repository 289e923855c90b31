"""Damage on the log, two servers on one store, disks that are full or read-only."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.processes import TRACKSTREAM, Server, environment, free_port
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

LOG_A_RUN = """
import sys, trackstream
trackstream.set_tracking_uri(sys.argv[1])
with trackstream.start_run() as run:
    trackstream.log_param("lr", 0.1)
    for step in range(int(sys.argv[2])):
        trackstream.log_metric("loss", step / 2, step=step)
    print(run.info.run_id)
"""


def log_a_run(store: Path, points: int = 10) -> str:
    """Log a run in a process of its own and return its id."""
    command = [sys.executable, "-c", LOG_A_RUN, str(store), str(points)]
    done = subprocess.run(command, env=environment(), text=True, capture_output=True, timeout=60, check=True)
    return done.stdout.strip()


def append_raw(store: Path, topic: str, key: str, value: bytes) -> None:
    """Put bytes on the log as they are, behind the back of every check."""
    with sqlite3.connect(store / "log.db") as log:
        (offset,) = log.execute("SELECT next_offset FROM partitions WHERE topic = ?", (topic,)).fetchone()
        log.execute(f'INSERT INTO "{topic}" VALUES (0, ?, ?, ?, 0)', (offset, key, value))
        log.execute("UPDATE partitions SET next_offset = ? WHERE topic = ?", (offset + 1, topic))
    log.close()


def test_damaged_events_become_dead_letters_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = log_a_run(store)
    whole = codec.encode(e.Event(e.Envelope(new_id(), 0, new_id(), 0), e.ParamsLogged(first, {"depth": "3"})))
    damaged = {
        topics.RUNS: [b"", b"garbage", whole[:-3], b"\xc3\x01" + b"\xff" * 20],
        topics.METRICS: [b"\xc3\x01", os.urandom(300)],
        topics.ARTIFACTS: [whole],  # an honest event, but of another topic
    }
    for topic, values in damaged.items():
        for value in values:
            append_raw(store, topic, first, value)
    second = log_a_run(store)
    server = Server(store).start()
    try:
        for run_id in (first, second):
            run = server.call("GET", f"/api/v1/runs/{run_id}")
            assert (run["status"], run["params"]) == ("FINISHED", {"lr": "0.1"})
            assert run["metrics"]["loss"]["value"] == 4.5
        letters = server.call("GET", "/api/v1/dead-letters")["dead_letters"]
        assert sorted(letter["topic"] for letter in letters) == sorted(
            topic for topic, values in damaged.items() for _ in values
        )
        assert all(letter["error_message"] for letter in letters)
    finally:
        server.close()


def test_a_second_server_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    server = Server(tmp_path / "store").start()
    try:
        command = [str(TRACKSTREAM), "server", "--dir", str(server.directory), "--port", str(free_port())]
        second = subprocess.run(
            command, env=environment(), text=True, capture_output=True, timeout=60, check=False
        )
        assert second.returncode == 4
        assert server.url in second.stderr
        assert "Traceback" not in second.stderr
        assert server.call("GET", "/health")["status"] == "ok"
    finally:
        server.close()


SMALL_DISK = """
set -e
mount -t tmpfs -o size=$1 none "$2"
shift 2
exec "$@"
"""


def on_a_small_disk(mount: Path, size: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace of its own where `mount` is a file system of `size`."""
    mount.mkdir()
    inside = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        SMALL_DISK,
        "sh",
        size,
        str(mount),
        *command,
    ]
    return subprocess.run(inside, env=environment(), text=True, capture_output=True, timeout=120, check=False)


FILL_THE_LOG = """
import logging, sys, pathlib, trackstream
store = pathlib.Path(sys.argv[1]) / "store"
settings = trackstream.Settings(uri=str(store), flush_timeout_s=3)
client = trackstream.Client(settings=settings)
run = client.create_run("0")
for step in range(1_000_000):
    client.log_metric(run.info.run_id, "loss", step * 1.1, step=step)
client.flush()
client.close()
report = client.delivery_report()
import sqlite3
from trackstream_schemas import codec
from trackstream_schemas.events import MetricsLogged
log = sqlite3.connect(store / "log.db")
messages = log.execute('SELECT value FROM "trackstream.metrics"')
bodies = [codec.decode(value).body for (value,) in messages]
kept = sum(len(body) for body in bodies if isinstance(body, MetricsLogged))
integrity = log.execute("PRAGMA integrity_check").fetchone()[0]
print(kept, report.spooled.points, report.dropped_points + report.lost_points, integrity)
"""


def test_a_full_disk_stops_no_trainer_and_every_point_is_kept_or_counted(tmp_path: Path) -> None:
    done = on_a_small_disk(
        tmp_path / "disk", "4m", [sys.executable, "-c", FILL_THE_LOG, str(tmp_path / "disk")]
    )
    assert done.returncode == 0, done.stderr
    kept, spooled, not_kept, integrity = done.stdout.split()
    assert integrity == "ok"
    assert 0 < int(kept) < 1_000_000
    assert int(kept) + int(spooled) + int(not_kept) == 1_000_000
    assert "full" in done.stderr


def test_a_server_on_a_full_disk_says_so(tmp_path: Path) -> None:
    mount = tmp_path / "disk"
    fill = f"head -c 100m /dev/zero > {mount}/ballast 2>/dev/null"
    serve = f"exec {TRACKSTREAM} server --dir {mount}/store --port {free_port()}"
    done = on_a_small_disk(mount, "1m", ["sh", "-c", f"{fill}; {serve}"])
    assert done.returncode == 6, done.stderr
    assert str(mount) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_disk_is_named_by_server_and_trainer(tmp_path: Path) -> None:
    mount = tmp_path / "disk"
    serve = f"mount -o remount,ro {mount}; exec {TRACKSTREAM} server --dir {mount}/store --port {free_port()}"
    done = on_a_small_disk(mount, "1m", ["sh", "-c", serve])
    assert done.returncode == 6, done.stderr
    assert str(mount) in done.stderr
    assert "Traceback" not in done.stderr
    train = f"mount -o remount,ro {mount}; exec {sys.executable} -c '{LOG_A_RUN}' {mount}/store 10"
    mount.rmdir()
    done = on_a_small_disk(mount, "1m", ["sh", "-c", train])
    assert done.returncode == 1
    assert f"StorageFailed: cannot make the log {mount}" in done.stderr


def test_limits_of_file_size_are_a_full_disk_too(tmp_path: Path) -> None:
    """The same without mounts: the log may not grow past 2 MB."""
    (tmp_path / "disk").mkdir()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    done = subprocess.run(
        [sys.executable, "-c", FILL_THE_LOG, str(tmp_path / "disk")],
        env=environment(),
        text=True,
        capture_output=True,
        timeout=120,
        preexec_fn=limit,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept, spooled, not_kept, _ = done.stdout.split()
    assert int(kept) + int(spooled) + int(not_kept) == 1_000_000
