"""`kill -9` of the projecting process, over and over, while trainers log: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.processes import Server, finish, trainer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("TRACKSTREAM_TEST_KILLS", "50"))
TRAINERS = 3


@pytest.fixture(scope="module")
def seed() -> int:
    chosen = int(os.environ.get("TRACKSTREAM_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {chosen}: repeat with TRACKSTREAM_TEST_SEED={chosen}")
    return chosen


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Any:
    """A server that comes up after the kills, and what the trainers logged meanwhile."""
    base: Path = tmp_path_factory.mktemp("kill")
    store, stop_file = base / "store", base / "stop"
    dice = random.Random(seed)
    trainers = [trainer("busy_trainer", store, f"trainer{number}", stop_file) for number in range(TRAINERS)]
    server = Server(store)
    try:
        for _ in range(KILLS):
            server.launch()
            # From before the engine is open to well into projecting.
            time.sleep(dice.uniform(0.3, 3.0))
            server.kill()
        stop_file.touch()
        logged: dict[str, Any] = {}
        for process in trainers:
            logged |= json.loads(finish(process))
        server.start()
        server.wait_until_current()
        yield server, logged
    finally:
        server.close()
        for process in trainers:
            process.kill()


def test_every_point_is_there_once(survived: tuple[Server, dict[str, Any]]) -> None:
    server, logged = survived
    assert len(logged) > TRAINERS
    table = server.sql(
        "SELECT run_id, count() AS points, uniqExact(key, step) AS distinct, sum(value) AS checksum"
        " FROM v_metrics GROUP BY run_id"
    )
    projected = {
        row["run_id"]: (row["points"], row["distinct"], row["checksum"]) for row in table.to_pylist()
    }
    assert projected == {
        run_id: (known["points"], known["points"], known["checksum"]) for run_id, known in logged.items()
    }


def test_every_param_and_tag_is_there_once(survived: tuple[Server, dict[str, Any]]) -> None:
    server, logged = survived
    params = server.sql("SELECT run_id, key, value FROM v_params").to_pylist()
    assert len(params) == sum(len(known["params"]) for known in logged.values())
    assert {(row["run_id"], row["key"]): row["value"] for row in params} == {
        (run_id, key): value for run_id, known in logged.items() for key, value in known["params"].items()
    }
    tags = server.sql("SELECT run_id, key, value FROM v_tags WHERE key = 'team'").to_pylist()
    assert sorted((row["run_id"], row["value"]) for row in tags) == sorted(
        (run_id, known["tags"]["team"]) for run_id, known in logged.items()
    )


def test_every_run_ended_as_it_was_logged(survived: tuple[Server, dict[str, Any]]) -> None:
    server, logged = survived
    runs = server.sql("SELECT run_id, status, conflicts FROM v_runs").to_pylist()
    assert sorted(row["run_id"] for row in runs) == sorted(logged)
    assert {row["status"] for row in runs} == {"FINISHED"}
    assert all(row["conflicts"] == [] for row in runs)


def test_every_artifact_has_its_content(survived: tuple[Server, dict[str, Any]]) -> None:
    server, logged = survived
    for run_id, known in logged.items():
        for path, text in known["artifacts"].items():
            answer = server.client.get(f"/api/v1/runs/{run_id}/artifacts/content", params={"path": path})
            assert (answer.status_code, answer.text) == (200, text)
    assert server.count("SELECT count() FROM v_artifacts") == 2 * len(logged)


def test_no_record_was_given_up(survived: tuple[Server, dict[str, Any]]) -> None:
    server, _ = survived
    assert server.call("GET", "/api/v1/status")["dead_letters"] == 0


def test_the_history_holds_each_event_once(survived: tuple[Server, dict[str, Any]]) -> None:
    server, _ = survived
    table = server.sql(
        "SELECT count() AS events, uniqExact(event_id) AS distinct,"
        " uniqExact(topic, partition, offset) AS places FROM v_events"
    )
    (row,) = table.to_pylist()
    assert row["events"] == row["distinct"] == row["places"]
