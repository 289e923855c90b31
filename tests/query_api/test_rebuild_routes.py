"""Replay of a part and comparison with the log, over HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


def done(server: LiveServer, path: str, **asked: Any) -> Any:
    """Start a job and return how it ended."""
    begun = server.call("POST", path, 202, json=asked)
    assert begun["state"] == "running"
    until = time.monotonic() + 120
    while (state := server.call("GET", path))["state"] == "running":
        assert time.monotonic() < until, state
        time.sleep(0.02)
    assert state["id"] == begun["id"]
    assert (state["state"], state["error"]) == ("done", None)
    return state


def test_the_tables_are_compared_and_parts_of_them_rebuilt(server: LiveServer) -> None:
    assert server.call("GET", "/api/v1/verify")["state"] == "idle"
    run_id = server.new_run()
    server.log(e.TagsSet(run_id, {"a": "1"}))
    compared = done(server, "/api/v1/verify")
    assert compared["equal"] is True
    assert compared["records_done"] == compared["records_total"] > 0
    rows = {table["table"]: table["rows"] for table in compared["tables"]}
    assert (rows["runs"], rows["run_tags"]) == (1, 2)
    before = server.call("GET", f"/api/v1/runs/{run_id}")
    for asked in ({"topics": ["runs"]}, {"topics": ["metrics"], "since": "1h"}, {"since": "runs:0:0"}):
        replayed = done(server, "/api/v1/replay", **asked)
        assert replayed["records_done"] == replayed["records_total"]
        assert (replayed["missing_contents"], replayed["missing"]) == (0, [])
        assert server.call("GET", f"/api/v1/runs/{run_id}") == before
    only = done(server, "/api/v1/verify", topics=["trackstream.artifacts"])
    assert {table["table"] for table in only["tables"]} == {"artifacts", "events"}


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        ("/api/v1/replay", {"topics": ["nothing"]}, "topics"),
        ("/api/v1/verify", {"topics": ["schemas"]}, "topics"),
        ("/api/v1/replay", {"since": "now"}, "since"),
        ("/api/v1/replay", {"since": "yesterday"}, "since"),
        ("/api/v1/replay", {"since": "2999-01-01"}, "since"),
        ("/api/v1/replay", {"since": "metrics:0:0", "topics": ["runs"]}, "since"),
        ("/api/v1/replay", {"since": "artifact-bytes:0:0"}, "since"),
        ("/api/v1/replay", {"sinse": "1h"}, "sinse"),
    ],
)
def test_what_cannot_be_right_is_refused(
    server: LiveServer, path: str, asked: dict[str, Any], field: str
) -> None:
    answer = server.call("POST", path, 400, json=asked)
    assert answer["error_code"] == "INVALID_PARAMETER_VALUE"
    assert field in answer["message"]


def test_one_job_at_a_time(server: LiveServer) -> None:
    begun = server.call("POST", "/api/v1/verify", 202)
    answer = server.client.post("/api/v1/replay", json={})
    if answer.status_code == 400:
        assert answer.json()["error_code"] == "INVALID_STATE"
        assert begun["id"] in answer.json()["message"]
    until = time.monotonic() + 120
    while "running" in (server.call("GET", f"/api/v1/{job}")["state"] for job in ("verify", "replay")):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert server.call("GET", "/api/v1/verify")["equal"] is True
