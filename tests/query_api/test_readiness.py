"""What is not there is named, at /ready, in the status and beside a health that stays good."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.query_api.live_server import LiveServer
from trackstream_api.readiness import Readiness
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 60.0


def test_each_part_is_asked_and_told_of() -> None:
    def refuses() -> None:
        raise StorageFailed("not with this key")

    def breaks() -> None:
        raise ZeroDivisionError("oh")

    waits: list[str | None] = ["for the disk"]
    ready = Readiness(
        {"log": lambda: 7, "contents": refuses, "tables": breaks},
        {"projectors": lambda: waits[0], "others": lambda: None},
        patience=PATIENCE_S,
    )
    told = {"contents": "not with this key", "tables": "ZeroDivisionError: oh", "projectors": "for the disk"}
    assert ready.troubles() == ready.last_troubles() == told
    assert ready.parts() == ("log", "contents", "tables", "projectors", "others")
    # What is asked within this process is never out of date.
    waits[0] = None
    del told["projectors"]
    assert ready.last_troubles() == told
    ready.stop()
    assert ready.troubles() == told


def test_a_part_that_hangs_is_asked_once_and_holds_nobody_up_for_ever() -> None:
    freed = threading.Event()
    asked: list[str] = []

    def hangs() -> None:
        asked.append("log")
        assert freed.wait(PATIENCE_S)

    ready = Readiness({"log": hangs, "tables": lambda: None}, patience=0.05)
    assert ready.troubles() == {"log": "no answer within 0.05 s"}
    assert ready.troubles() == {"log": "no answer within 0.05 s"}
    assert asked == ["log"]
    freed.set()
    until = time.monotonic() + PATIENCE_S
    while ready.troubles():
        assert time.monotonic() < until
    ready.stop()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[LiveServer]:
    """A server on a store whose disk has less free than it must leave free."""
    before = LiveServer(tmp_path)
    try:
        before.call("GET", "/api/v1/experiments/0")
        before.stop()
    finally:
        before.close()
    live = LiveServer(tmp_path, env={**os.environ, "TRACKSTREAM_MIN_FREE_DISK_BYTES": str(1 << 60)})
    yield live
    live.close()


def test_a_disk_that_is_nearly_full_is_said_everywhere_and_the_log_takes_events(full: LiveServer) -> None:

    def told(path: str, status: int, *wanted: str) -> Any:
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = full.client.get(path)
            body = answer.json()
            if answer.status_code == status and tuple(body.get("troubles", ())) == wanted:
                return body
            assert time.monotonic() < until, body
            time.sleep(0.05)

    assert told("/ready", 200)["parts"] == ["log", "tables", "contents", "projectors"]
    told("/api/v1/status", 200)
    run_id = full.new_run()
    body = told("/ready", 503, "projectors")
    assert (body["status"], body["error_code"]) == ("degraded", "TEMPORARILY_UNAVAILABLE")
    assert "the entities projector waits: the analytical store's disk is nearly full" in body["message"]
    assert "TRACKSTREAM_MIN_FREE_DISK_BYTES" in body["troubles"]["projectors"]
    assert told("/health", 200, "projectors")["status"] == "degraded"
    status = told("/api/v1/status", 200, "projectors")
    assert status["failure"] is None
    assert status["records_behind"] > 0
    assert len(full.call("GET", f"/api/v1/entities/runs/{run_id}/events")["events"]) == 1
