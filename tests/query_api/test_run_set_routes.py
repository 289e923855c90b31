"""Many runs at once over HTTP: counted, grouped, exported, passed over, and changed together."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.query_api.live_server import START_TIME
from tests.query_api.test_run_routes import points
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

ROOT = "/api/v1/runs"
RATES = ("0.1", "0.1", "0.01", "0.01", "0.01")


@pytest.fixture(scope="module")
def sweep(server: LiveServer) -> tuple[str, list[str]]:
    """An experiment with six runs, oldest first; the last has neither params nor metrics."""
    experiment_id = server.new_experiment()
    run_ids = []
    for number, rate in enumerate(RATES):
        run_id = new_id()
        logged = [e.ParamsLogged(run_id, {"lr": rate, "odd/key b": "a`b"})]
        loss = float("nan") if number == 4 else 1.0 - number / 10
        server.new_run(
            experiment_id,
            [*logged, points(run_id, loss=[(0, loss)])],
            run_id=run_id,
            name=f"run {number}",
            start_time=START_TIME + number,
            tags={"team": "vision"},
        )
        run_ids.append(run_id)
    run_ids.append(server.new_run(experiment_id, name='=1+1,"x"', start_time=START_TIME + 9))
    return experiment_id, run_ids


def search(server: LiveServer, experiment_id: str, **body: Any) -> list[str]:
    found = server.call("POST", f"{ROOT}/search", json={"experiment_ids": [experiment_id], **body})
    return [run["run_id"] for run in found["runs"]]


def test_an_offset_passes_over_runs_also_behind_a_token(
    server: LiveServer, sweep: tuple[str, list[str]]
) -> None:
    experiment_id, run_ids = sweep
    newest = run_ids[::-1]
    assert search(server, experiment_id, offset=2, limit=2) == newest[2:4]
    assert search(server, experiment_id, offset=6) == []
    by_loss = search(server, experiment_id, order_by=["metrics.loss DESC"])
    assert search(server, experiment_id, order_by=["metrics.loss DESC"], offset=1, limit=3) == by_loss[1:4]
    body = {"experiment_ids": [experiment_id], "limit": 1}
    token = server.call("POST", f"{ROOT}/search", json=body)["next_page_token"]
    assert search(server, experiment_id, limit=1, page_token=token, offset=2) == [newest[3]]


def test_only_the_keys_that_are_asked_for(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, _ = sweep
    body = {"experiment_ids": [experiment_id], "keys": ["params.lr", "metrics.none", "params.odd/key b"]}
    oldest = server.call("POST", f"{ROOT}/search", json=body)["runs"][-1]
    assert (oldest["params"], oldest["metrics"], oldest["tags"]) == (
        {"lr": "0.1", "odd/key b": "a`b"},
        {},
        {},
    )
    refused = server.call("POST", f"{ROOT}/search", 400, json={**body, "keys": ["lr"]})
    assert refused["field"] == "keys"


def test_counts(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, _ = sweep
    body = {"experiment_ids": [experiment_id]}
    assert server.call("POST", f"{ROOT}/count", json=body)["count"] == 6
    assert server.call("POST", f"{ROOT}/count", json={**body, "filter": "params.lr = '0.01'"})["count"] == 3
    assert server.call("POST", f"{ROOT}/count", json={**body, "as_of": "0s"})["count"] == 6
    refused = server.call("POST", f"{ROOT}/count", 400, json={**body, "filter": "params.lr ? 1"})
    assert (refused["field"], refused["position"]) == ("filter", 10)


def test_groups_of_a_param(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, run_ids = sweep
    body = {"experiment_ids": [experiment_id], "by": "params.lr", "metric": "loss"}
    found = server.call("POST", f"{ROOT}/groups", json=body)
    assert found["groups"] == [
        {
            "value": "0.01",
            "count": 3,
            "measured": 2,
            "best": 0.7,
            "best_run_id": run_ids[3],
            "mean": pytest.approx(0.75),
        },
        {
            "value": "0.1",
            "count": 2,
            "measured": 2,
            "best": 0.9,
            "best_run_id": run_ids[1],
            "mean": pytest.approx(0.95),
        },
        {"value": None, "count": 1, "measured": 0, "best": None, "best_run_id": None, "mean": None},
    ]
    best = server.call("POST", f"{ROOT}/groups", json={**body, "mode": "max", "limit": 1})
    assert (best["groups"][0]["value"], best["groups"][0]["best"], best["more"]) == ("0.1", 1.0, True)
    by_user = server.call("POST", f"{ROOT}/groups", json={"experiment_ids": [experiment_id], "by": "status"})
    assert [(group["value"], group["count"]) for group in by_user["groups"]] == [("RUNNING", 6)]
    assert server.call("POST", f"{ROOT}/groups", 400, json={**body, "by": "metrics.loss"})["field"] == "by"


def test_keys_that_runs_have(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, _ = sweep
    found = server.call("POST", f"{ROOT}/keys", json={"experiment_ids": [experiment_id]})
    assert found == {
        "params": ["lr", "odd/key b"],
        "metrics": ["loss"],
        "tags": ["mlflow.runName", "team"],
        "more": False,
    }
    assert "lr" in server.call("POST", f"{ROOT}/keys", json={})["params"]
    assert server.call("POST", f"{ROOT}/keys", json={"experiment_ids": ["77"]})["params"] == []


def test_a_table_has_every_run_exactly(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, run_ids = sweep
    asked: dict[str, Any] = {
        "experiment_id": experiment_id,
        "order_by": ["start_time ASC"],
        "column": ["run_id", "run_name", "metrics.loss", "params.odd/key b", "start_time", "duration"],
    }
    answer = server.client.get("/api/v1/runs.csv", params=asked)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == asked["column"]
    assert [row[0] for row in rows[1:]] == run_ids
    assert rows[1][1:] == ["run 0", "1.0", "a`b", str(START_TIME), ""]
    assert rows[5][2] == "nan"
    assert rows[6][1:4] == ['=1+1,"x"', "", ""]
    answer = server.client.get("/api/v1/runs.csv", params={**asked, "filter": "metrics.loss < 0.85"})
    assert [line.split(",")[0] for line in answer.text.splitlines()[1:]] == run_ids[2:4]
    past = server.client.get("/api/v1/runs.csv", params={**asked, "as_of": answer_moment(server)})
    assert len(past.text.splitlines()) == 7
    assert server.call("GET", "/api/v1/runs.csv?column=nothing", 400)["field"] == "column"


def answer_moment(server: LiveServer) -> str:
    """Return a moment before what is logged next."""
    asked = server.client.get("/api/v1/experiments", params={"as_of": "0s"})
    server.new_run()
    return asked.headers["X-Trackstream-As-Of"]


def test_acts_on_a_selection(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    first, second, third = (server.new_run(experiment_id) for _ in range(3))
    tagged = server.call("POST", f"{ROOT}/tags", json={"run_ids": [first, second], "tags": {"k": "v"}})
    assert tagged["changed"] == [first, second]
    assert search(server, experiment_id, filter="tags.k = 'v'", order_by=["run_id"]) == sorted(
        [first, second]
    )
    gone = server.call("POST", f"{ROOT}/delete", json={"run_ids": [first, second]})
    assert (gone["changed"], gone["unchanged"]) == ([first, second], [])
    gone = server.call("POST", f"{ROOT}/delete", json={"run_ids": [second, third]})
    assert (gone["changed"], gone["unchanged"]) == ([third], [second])
    refused = server.call("POST", f"{ROOT}/tags", 400, json={"run_ids": [first], "tags": {"k": "w"}})
    assert refused["error_code"] == "INVALID_STATE"
    back = server.call("POST", f"{ROOT}/restore", json={"run_ids": [first]})
    assert back["changed"] == [first]
    assert search(server, experiment_id) == [first]
    refused = server.call("POST", f"{ROOT}/delete", 404, json={"run_ids": [first, "nosuchrun"]})
    assert "nosuchrun" in refused["message"]
    assert search(server, experiment_id) == [first]


def test_what_goes_on_in_experiments(server: LiveServer, sweep: tuple[str, list[str]]) -> None:
    experiment_id, run_ids = sweep
    empty = server.new_experiment("empty of runs")
    server.log(e.RunUpdated(run_ids[0], "FINISHED", START_TIME + 50))
    found = server.call("GET", "/api/v1/experiments?include=activity&limit=1000")["experiments"]
    activity = {one["experiment_id"]: one["activity"] for one in found}
    assert activity[experiment_id] == {"run_count": 6, "running": 5, "last_activity": START_TIME + 50}
    assert activity[empty] == {"run_count": 0, "running": 0, "last_activity": None}
    past = server.call("GET", "/api/v1/experiments?include=activity&as_of=0s")
    assert "activity" in past["experiments"][0]


def test_a_tag_of_an_experiment_is_removed(server: LiveServer) -> None:
    path = f"/api/v1/experiments/{server.new_experiment()}"
    server.call("PUT", f"{path}/tags", json={"a/b c": "1", "team": "x"})
    assert server.call("DELETE", f"{path}/tags/a%2Fb%20c")["tags"] == {"team": "x"}
    assert server.call("DELETE", f"{path}/tags/none")["tags"] == {"team": "x"}
