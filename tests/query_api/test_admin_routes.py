"""Health, status, Prometheus, replay, garbage collection, dead letters, over HTTP."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.query_api.live_server import LiveServer
from trackstream_schemas import events as e
from trackstream_schemas import sqlite_layout, topics
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of one test's own."""
    live = LiveServer(tmp_path_factory.mktemp("fresh"))
    yield live
    live.close()


def replayed(server: LiveServer) -> dict[str, Any]:
    """Replay and return how it ended."""
    begun = server.call("POST", "/api/v1/replay", 202)
    assert begun["state"] == "running"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state: dict[str, Any] = server.call("GET", "/api/v1/replay")
        assert state["id"] == begun["id"]
        if state["state"] != "running":
            return state
        time.sleep(0.02)
    raise AssertionError("the replay did not end")


def test_health(server: LiveServer) -> None:
    answer = server.call("GET", "/health")
    assert answer["status"] == "ok"
    assert answer["version"][0].isdigit()


def test_status_counts_what_readers_see(fresh: LiveServer) -> None:
    fresh.new_run(fresh.new_experiment())
    fresh.call("GET", "/api/v1/dead-letters")
    status = fresh.call("GET", "/api/v1/status")
    assert (status["runs"], status["experiments"], status["points"]) == (1, 2, 0)
    assert (status["dead_letters"], status["records_behind"], status["lag_ms"]) == (0, 0, 0)
    assert status["failure"] is None
    assert status["directory"] == str(fresh.directory)
    projected = {(at["projector"], at["topic"]): at for at in status["positions"]}
    assert {topic for _, topic in projected} == set(topics.EVENT_TOPICS)
    runs = projected["entities", topics.RUNS]
    assert runs["next_offset"] == runs["end"] == 1


def test_storage_tells_what_tables_contents_and_log_take(fresh: LiveServer) -> None:
    run_id = fresh.new_run()
    for path in ("a", "b"):
        where = f"/api/v1/runs/{run_id}/artifacts/content"
        fresh.call("PUT", where, 201, params={"path": path}, content=b"the same")
    found = fresh.call("GET", "/api/v1/storage")
    assert found["contents"] == {"count": 1, "bytes": 8}
    assert found["log_bytes"] > 0
    tables = {table["table"]: table for table in found["tables"]}
    assert tables["runs"]["rows"] > 0
    assert tables["runs"]["bytes"] > 0


def test_prometheus(server: LiveServer) -> None:
    run_id = server.new_run()
    server.call("GET", f"/api/v1/runs/{run_id}")
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    names = {sample.name for sample in samples}
    assert {"trackstream_lag_seconds", "trackstream_records_behind", "trackstream_rows"} <= names
    answers = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in samples
        if sample.name == "trackstream_requests_total"
    }
    assert answers["GET", "/api/v1/runs/{run_id}", "200"] >= 1
    counts = {
        (sample.labels["method"], sample.labels["route"]): sample.value
        for sample in samples
        if sample.name == "trackstream_request_duration_seconds_count"
    }
    assert counts["GET", "/api/v1/runs/{run_id}"] >= 1
    # One series a route, however many runs there are.
    assert not any(run_id in str(sample.labels) for sample in samples)


def test_replay_gives_the_same_answers(fresh: LiveServer) -> None:
    run_id = new_id()
    further: list[e.Body] = [e.ParamsLogged(run_id, {"p": "1"}), e.TagsSet(run_id, {"t": "2"})]
    fresh.new_run(fresh.new_experiment("kept"), further, run_id=run_id)
    fresh.call("PUT", f"/api/v1/runs/{run_id}/artifacts/content", 201, params={"path": "a"}, content=b"x")
    paths = [f"/api/v1/runs/{run_id}", f"/api/v1/runs/{run_id}/artifacts", "/api/v1/experiments/0"]
    before = [fresh.call("GET", path) for path in paths]
    assert fresh.call("GET", "/api/v1/replay")["state"] == "idle"
    state = replayed(fresh)
    assert (state["state"], state["error"]) == ("done", None)
    assert state["records_done"] == state["records_total"] > 0
    assert [fresh.call("GET", path) for path in paths] == before
    # The projectors go on behind the swap.
    fresh.log(e.TagsSet(run_id, {"t": "3"}))
    assert fresh.call("GET", f"/api/v1/runs/{run_id}")["tags"]["t"] == "3"


def test_writes_during_a_replay_are_kept(fresh: LiveServer) -> None:
    run_id = fresh.new_run()
    begun = fresh.call("POST", "/api/v1/replay", 202)
    number = 0
    while True:
        number += 1
        fresh.log(e.TagsSet(run_id, {"n": str(number)}))
        assert fresh.call("GET", f"/api/v1/runs/{run_id}")["tags"]["n"] == str(number)
        state = fresh.call("GET", "/api/v1/replay")
        if state["state"] != "running":
            break
    assert state["id"] == begun["id"]
    assert (state["state"], state["error"]) == ("done", None)
    assert fresh.call("GET", f"/api/v1/runs/{run_id}")["tags"]["n"] == str(number)


def test_a_damaged_record_is_a_dead_letter_and_the_rest_goes_on(fresh: LiveServer) -> None:
    run_id = fresh.new_run()
    with sqlite_layout.connect(fresh.directory / sqlite_layout.FILE_NAME) as log:
        log.execute("BEGIN IMMEDIATE")
        (offset,) = log.execute(
            "SELECT next_offset FROM partitions WHERE topic = ?", (topics.RUNS,)
        ).fetchone()
        log.execute(
            f"INSERT INTO {sqlite_layout.table_of(topics.RUNS)} VALUES (0, ?, ?, ?, 5)",
            (offset, run_id, b"\xc3\x01garbage"),
        )
        log.execute("UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = ?", (topics.RUNS,))
        log.execute("COMMIT")
    log.close()
    fresh.log(e.TagsSet(run_id, {"t": "behind"}))
    assert fresh.call("GET", f"/api/v1/runs/{run_id}")["tags"]["t"] == "behind"
    letters = fresh.call("GET", "/api/v1/dead-letters")["dead_letters"]
    assert [(letter["topic"], letter["offset"], letter["key"]) for letter in letters] == [
        (topics.RUNS, offset, run_id)
    ]
    assert letters[0]["value"] == "wwFnYXJiYWdl"
    assert letters[0]["error_type"] == "MalformedEvent"
    assert letters[0]["occurred_at"] > 0
    assert fresh.call("GET", "/api/v1/status")["dead_letters"] == 1


def test_garbage_collection(fresh: LiveServer) -> None:
    kept, gone = fresh.new_run(), fresh.new_run()
    experiment_id = fresh.new_experiment()
    inside = fresh.new_run(experiment_id)
    digests = {}
    for run_id, path, content in [(kept, "a", b"kept"), (gone, "a", b"gone"), (gone, "b", b"kept")]:
        route = f"/api/v1/runs/{run_id}/artifacts/content"
        stored = fresh.call("PUT", route, 201, params={"path": path}, content=content)
        digests[content] = stored["sha256"]
        fresh.client.get(route, params={"path": path}).raise_for_status()
    young = fresh.call("POST", "/api/v1/blobs", 201, content=b"an upload under way")["sha256"]
    blobs = {path.name: path for path in (fresh.directory / "blobs").glob("??/*")}
    for digest in digests.values():
        os.utime(blobs[digest], (0, 0))
    fresh.call("DELETE", f"/api/v1/runs/{gone}")
    fresh.call("DELETE", f"/api/v1/experiments/{experiment_id}")

    nothing = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 1, "dry_run": False})
    assert (nothing["runs"], nothing["experiments"], nothing["blobs"]["count"]) == ([], [], 0)

    plan = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 0})
    assert plan == {
        "runs": sorted([gone, inside]),
        "experiments": [experiment_id],
        "logged_models": [],
        "traces": [],
        "blobs": {"count": 1, "bytes": 4},
        "dry_run": True,
    }
    assert fresh.call("GET", f"/api/v1/runs/{gone}")["lifecycle_stage"] == "deleted"

    done = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 0, "dry_run": False})
    assert done == plan | {"dry_run": False}
    for path in (f"runs/{gone}", f"runs/{inside}", f"experiments/{experiment_id}"):
        fresh.call("GET", f"/api/v1/{path}", 404)
    left = {path.name for path in (fresh.directory / "blobs").glob("??/*")}
    assert left == {digests[b"kept"], young}
    answer = fresh.client.get(f"/api/v1/runs/{kept}/artifacts/content", params={"path": "a"})
    assert answer.content == b"kept"
    again = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 0, "dry_run": False})
    assert (again["runs"], again["experiments"], again["blobs"]["count"]) == ([], [], 0)


@pytest.mark.parametrize("days", [-1, "NaN", "Infinity", "x"])
def test_a_bad_age_is_refused(server: LiveServer, days: object) -> None:
    refused = server.call("POST", "/api/v1/gc", 400, json={"older_than_days": days})
    assert refused["field"] == "older_than_days"


def test_garbage_collection_takes_what_belongs_to_an_experiment_and_a_replay_leaves_it_so(
    fresh: LiveServer,
) -> None:
    experiment_id = fresh.new_experiment()
    doomed, deleted, kept = (f"m-{new_id()}" for _ in range(3))
    trace_id, run_id = f"tr-{new_id()}", fresh.new_run()
    fresh.log(
        e.LoggedModelCreated(doomed, experiment_id, "forest"),
        e.LoggedModelCreated(deleted, "0", "tree"),
        e.LoggedModelCreated(kept, "0", "bush"),
        e.LoggedModelMetricsLogged(deleted, run_id, [e.ModelMetric("acc", 0.5, 1, 1000)]),
        e.LoggedModelDeleted(deleted),
        e.TraceLogged(trace_id, experiment_id, 1000, "OK", 12),
    )
    digests = {}
    for owner in (doomed, deleted, kept, trace_id):
        content = owner.encode()
        stored = fresh.call("POST", "/api/v1/blobs", 201, content=content)
        digests[owner] = str(stored["sha256"])
        fresh.log(e.ArtifactLogged(owner, "a", len(content), digests[owner]))
        blob = fresh.directory / "blobs" / digests[owner][:2] / digests[owner]
        os.utime(blob, (time.time() - 7200,) * 2)
    fresh.call("DELETE", f"/api/v1/experiments/{experiment_id}")
    done = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 0, "dry_run": False})
    assert done["logged_models"] == sorted([doomed, deleted])
    assert done["traces"] == [trace_id]
    assert done["blobs"]["count"] == 3
    assert {path.name for path in (fresh.directory / "blobs").glob("??/*")} == {digests[kept]}
    # Too late: an owner that is purged stays so.
    fresh.log(
        e.LoggedModelMetricsLogged(deleted, run_id, [e.ModelMetric("acc", 0.7, 2, 2000)]),
        e.ArtifactLogged(deleted, "b", 1, "0" * 64),
    )

    def held() -> list[list[Any]]:
        return [
            fresh.call("POST", "/api/v1/sql", json={"query": query})["rows"]
            for query in (
                "SELECT model_id FROM v_logged_models",
                "SELECT model_id, step FROM v_logged_model_metrics",
                "SELECT trace_id FROM v_traces",
                "SELECT run_id, path FROM v_artifacts",
            )
        ]

    assert held() == [[[kept]], [], [], [[kept, "a"]]]
    assert replayed(fresh)["state"] == "done"
    assert held() == [[[kept]], [], [], [[kept, "a"]]]
    again = fresh.call("POST", "/api/v1/gc", json={"older_than_days": 0, "dry_run": True})
    assert (again["logged_models"], again["traces"], again["experiments"]) == ([], [], [])
