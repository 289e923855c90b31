"""The server as a process: start, stop, and what stops it from starting."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.query_api.live_server import LiveServer
from trackstream_api.directory_lock import holder_of
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRY = """
import os, sys
from pathlib import Path
from trackstream_api.server import serve
from trackstream_schemas.errors import TrackstreamError
if "unprivileged" in sys.argv and os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
try:
    serve(Path(sys.argv[1]), port=int(sys.argv[2]), announce=lambda url: sys.exit("it came up"))
except TrackstreamError as error:
    print(f"{type(error).__name__} {error.exit_code} {error}")
"""
_IN_A_THREAD = """
import sys, httpx
from pathlib import Path
from trackstream_api.directory_lock import holder_of
from trackstream_api.server import serve_in_thread
directory, uds = map(Path, sys.argv[1:])
for _ in range(2):
    with serve_in_thread(directory, uds) as running:
        assert oct(uds.stat().st_mode & 0o777) == "0o600"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(uds)), base_url="http://localhost") as client:
            print(client.get("/api/v1/experiments/0").json()["name"], holder_of(directory).kind)
    assert not uds.exists() and holder_of(directory) is None
"""


def try_to_serve(directory: Path, port: int = 0, *flags: str) -> str:
    """Return what a server that must not come up says about it.

    The flag "unprivileged" makes it a process that file modes bind: the superuser may write anywhere.
    """
    command = [sys.executable, "-c", _TRY, str(directory), str(port), *flags]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_stopped_server_leaves_everything_for_the_next(tmp_path: Path) -> None:
    first = LiveServer(tmp_path)
    try:
        experiment_id = first.new_experiment("kept")
        run_id = first.new_run(experiment_id)
        holder = holder_of(tmp_path)
        assert holder is not None
        assert (holder.kind, holder.url, holder.pid) == ("server", first.url, first.process.pid)
        assert first.stop() == (0, "")
    finally:
        first.close()
    assert holder_of(tmp_path) is None
    second = LiveServer(tmp_path)
    try:
        assert second.call("GET", f"/api/v1/runs/{run_id}")["experiment_name"] == "kept"
    finally:
        second.close()


def test_a_killed_server_leaves_everything_for_the_next(tmp_path: Path) -> None:
    first = LiveServer(tmp_path)
    run_id = first.new_run()
    first.process.kill()
    first.close()
    second = LiveServer(tmp_path)
    try:
        assert second.call("GET", f"/api/v1/runs/{run_id}")["run_id"] == run_id
    finally:
        second.close()


def test_a_second_server_is_told_who_holds_the_directory(server: LiveServer) -> None:
    told = try_to_serve(server.directory)
    assert told.startswith("DirectoryHeld 4 ")
    for part in (str(server.directory), str(server.process.pid), server.url):
        assert part in told
    server.call("GET", "/health")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = try_to_serve(tmp_path, port)
    assert told.startswith("AddressInUse 4 ")
    assert str(port) in told
    assert holder_of(tmp_path) is None


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A directory that nobody may write, in a place that everybody may enter."""
    directory = Path(tempfile.gettempdir()) / f"trackstream-{new_id()}"
    directory.mkdir(mode=0o555)
    yield directory
    directory.chmod(0o755)
    shutil.rmtree(directory)


def test_a_directory_that_cannot_be_written(read_only: Path) -> None:
    told = try_to_serve(read_only, 0, "unprivileged")
    assert told.startswith("StorageFailed 6 ")
    assert str(read_only) in told
    told = try_to_serve(read_only / "below", 0, "unprivileged")
    assert told.startswith("StorageFailed 6 ")
    assert list(read_only.iterdir()) == []


def test_a_disk_that_is_full_is_said_and_nothing_half_written(tmp_path: Path) -> None:
    """A bound on the size of files stands for the disk: the log cannot grow beyond it."""
    live = LiveServer(tmp_path, preexec_fn=_bound_files)
    try:
        run_id = live.new_run()
        route = f"/api/v1/runs/{run_id}/artifacts/content"
        answers = [
            live.client.put(route, params={"path": f"{number}"}, content=os.urandom(4 << 20))
            for number in range(8)
        ]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused
        for answer in refused:
            assert answer.status_code == 507
            assert answer.json()["error_code"] == "INTERNAL_ERROR"
        stored = live.call("GET", f"/api/v1/runs/{run_id}/artifacts", params={"consistency": "eventual"})
        assert len(stored["artifacts"]) <= len(answers) - len(refused)
        live.call("GET", "/health")
    finally:
        live.close()


def _bound_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 20, 16 << 20))


def test_a_process_that_serves_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _IN_A_THREAD, str(tmp_path / "store"), str(tmp_path / "api.sock")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Default cli\n" * 2


def test_a_server_for_others_answers_under_any_name(tmp_path: Path) -> None:
    serve = """
import sys
from pathlib import Path
from trackstream_api.server import serve
serve(Path(sys.argv[1]), host="0.0.0.0", port=0, announce=lambda url: print(url, flush=True))
"""
    command = [sys.executable, "-c", serve, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}/health", headers={"host": "tracking.example"})
        assert answer.status_code == 200
        process.terminate()
        assert process.wait(30) == 0


def test_a_log_removed_under_the_server_is_said_to_writers_and_readers(tmp_path: Path) -> None:
    live = LiveServer(tmp_path)
    try:
        live.new_run()
        aside = tmp_path / "aside"
        (tmp_path / "log.db").rename(aside)
        for method, path, body in (
            ("POST", "/api/v1/experiments", {"name": "lost?"}),
            ("GET", "/api/v1/experiments/0", None),
        ):
            refused = live.call(method, path, 507, **({"json": body} if body else {}))
            assert "log.db is gone" in refused["message"]
        aside.rename(tmp_path / "log.db")
        assert live.call("GET", "/api/v1/experiments/0")["name"] == "Default"
        live.new_experiment()
    finally:
        live.close()


def test_a_log_that_was_replaced_is_said_to_readers(tmp_path: Path) -> None:
    """The projections are ahead of the log: no fresh read is possible until a replay."""
    live = LiveServer(tmp_path)
    run_id = live.new_run()
    live.call("GET", f"/api/v1/runs/{run_id}")
    live.new_experiment()
    live.stop()
    live.close()
    for file in tmp_path.glob("log.db*"):
        file.unlink()
    live = LiveServer(tmp_path)
    try:
        refused = live.call("GET", "/api/v1/experiments/0", 503)
        assert refused["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "the log was replaced or cut" in refused["message"]
        old = live.call("GET", f"/api/v1/runs/{run_id}", params={"consistency": "eventual"})
        assert old["run_id"] == run_id
        assert "the log was replaced or cut" in live.call("GET", "/api/v1/status")["failure"]
        assert live.call("GET", "/api/v1/dead-letters") == {"dead_letters": []}
        health = live.call("GET", "/health", 503)
        assert health["status"] == "failed"
        assert "the log was replaced or cut" in health["failure"]
        assert (health["message"], health["error_code"]) == (health["failure"], "TEMPORARILY_UNAVAILABLE")
        live.call("POST", "/api/v1/replay", 202)
        while (state := live.call("GET", "/api/v1/replay"))["state"] == "running":
            time.sleep(0.02)
        assert (state["state"], state["error"]) == ("done", None)
        assert live.call("GET", "/api/v1/experiments/0")["name"] == "Default"
        assert live.call("GET", "/health")["status"] == "ok"
        live.call("GET", f"/api/v1/runs/{run_id}", 404)
    finally:
        live.close()
