"""`trackstream ui --api URL`: the web UI in a process of its own, through which browsers reach the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.query_api.live_server import LiveServer
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACKSTREAM = Path(sys.executable).parent / "trackstream"
CONTENT = os.urandom(1 << 20) * 3
LIMIT_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The API that the UI is before; one of these tests ends it."""
    live = LiveServer(tmp_path_factory.mktemp("store"))
    yield live
    live.close()


@pytest.fixture(scope="module")
def ui(server: LiveServer) -> Iterator[httpx.Client]:
    """A client of the UI's process, whose base URL is its address."""
    command = [str(TRACKSTREAM), "ui", "--api", server.url, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    told = process.stdout.readline()
    assert f"the web UI of {server.url}" in told, told
    url = next(word for word in told.split() if word.startswith("http://") and word.rstrip("/") != server.url)
    with httpx.Client(base_url=url, timeout=LIMIT_S) as client:
        yield client
    process.terminate()
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest


def test_pages_show_what_the_api_has(server: LiveServer, ui: httpx.Client) -> None:
    name = f"guard {new_id()[-6:]}"
    made = ui.post("/api/v1/models", json={"name": name, "description": "made through the UI's process"})
    assert made.status_code == 201
    assert server.call("GET", f"/api/v1/models/{name}")["description"] == "made through the UI's process"
    page = ui.get(f"/ui/models/{name}")
    assert page.status_code == 200
    assert "made through the UI's process" in page.text or "made through the UI\\u0027s process" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert ui.get("/").headers["location"] == "/ui/experiments"
    for path in ("/docs", "/openapi.json", "/metrics", "/ready"):
        assert ui.get(path).status_code == 200, path
    # Trainers log to the API itself: no other of its paths is here.
    assert ui.get("/api/2.0/mlflow/experiments/search").status_code == 404


def test_errors_come_as_the_api_says_them(server: LiveServer, ui: httpx.Client) -> None:
    for method, path, options in (
        ("GET", "/api/v1/runs/nothing", {}),
        ("POST", "/api/v1/runs/search", {"json": {"filter": "metrics."}}),
        ("DELETE", "/api/v1/models/nobody", {}),
    ):
        direct, through = (
            client.request(method, path, **options)  # type: ignore[arg-type]
            for client in (server.client, ui)
        )
        assert (through.status_code, through.json()) == (direct.status_code, direct.json())


def test_the_stream_of_events_comes_as_it_is_made(server: LiveServer, ui: httpx.Client) -> None:
    run_id = server.new_run()
    with ui.stream("GET", "/api/v1/stream", params={"run": run_id, "type": "TagsSet"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        # Whatever comes first says that the stream is there.
        next(lines)
        server.log(e.TagsSet(run_id, {"seen": "yes"}))
        data = next(line for line in lines if line.startswith("data:"))
    assert json.loads(data.removeprefix("data:"))["body"]["tags"] == {"seen": "yes"}


def test_files_are_streamed_both_ways(server: LiveServer, ui: httpx.Client) -> None:
    run_id = server.new_run()
    path, where = f"/api/v1/runs/{run_id}/artifacts/content", {"path": "big.bin"}
    pieces = (CONTENT[start : start + 65_536] for start in range(0, len(CONTENT), 65_536))
    assert ui.put(path, params=where, content=pieces).status_code == 201
    whole = ui.get(path, params=where)
    assert whole.content == CONTENT
    part = ui.get(path, params=where, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    again = ui.get(path, params=where, headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304
    head = ui.head("/health")
    assert head.status_code in (200, 405)


def test_answers_are_compressed_for_those_who_can_read_that(server: LiveServer, ui: httpx.Client) -> None:
    plain = ui.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = ui.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.json() == plain.json()


def test_other_hosts_and_pages_of_other_sites_are_refused(ui: httpx.Client) -> None:
    assert ui.get("/api/v1/status", headers={"Host": "evil.example"}).status_code == 400
    assert ui.get("/ui/models", headers={"Host": "evil.example"}).status_code == 400
    forged = ui.post("/api/v1/models", json={"name": "x"}, headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403
    home = {"Origin": str(ui.base_url).rstrip("/")}
    own = ui.put("/api/v1/models/none/aliases/x", json={"version": 1}, headers=home)
    assert own.status_code == 404


def test_an_api_that_is_away_is_told(server: LiveServer, ui: httpx.Client) -> None:
    server.process.kill()
    server.process.wait()
    answer = ui.get("/api/v1/status")
    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert server.url in answer.json()["message"]
    assert ui.get("/health").json()["status"] == "ok"
    page = ui.get("/ui/models")
    assert page.status_code == 200
    assert "No answer" in page.text
