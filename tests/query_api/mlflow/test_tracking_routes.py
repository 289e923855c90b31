"""Experiments, runs and what is logged to them over HTTP, as MLflow's client sends and reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

API = "/api/2.0/mlflow"


def new_run(server: LiveServer, **fields: Any) -> str:
    made = server.call("POST", f"{API}/runs/create", json={"experiment_id": "0", "start_time": 1, **fields})
    return str(made["run"]["info"]["run_id"])


def log_metric(server: LiveServer, run_id: str, status: int = 200, **fields: Any) -> Any:
    point = {"run_id": run_id, "key": "loss", "value": 0.5, "timestamp": 7, "step": 1, **fields}
    return server.call("POST", f"{API}/runs/log-metric", status, json=point)


def read(server: LiveServer, run_id: str) -> Any:
    return server.call("GET", f"{API}/runs/get", params={"run_id": run_id})["run"]


def test_both_prefixes_serve_the_same(server: LiveServer) -> None:
    run_id = new_run(server)
    assert log_metric(server, run_id) == {}
    for prefix in ("/api", "/ajax-api"):
        run = server.call("GET", f"{prefix}/2.0/mlflow/runs/get", params={"run_id": run_id})["run"]
        assert run["data"]["metrics"] == [{"key": "loss", "value": 0.5, "timestamp": 7, "step": 1}]
    assert not any(path.startswith("/ajax-api") for path in server.call("GET", "/openapi.json")["paths"])


def test_numbers_that_json_has_no_form_for(server: LiveServer) -> None:
    run_id = new_run(server)
    log_metric(
        server, run_id, key="nan", value="NaN", timestamp="9007199254740993", step="-9223372036854775808"
    )
    log_metric(server, run_id, key="up", value="Infinity")
    found = {metric["key"]: metric for metric in read(server, run_id)["data"]["metrics"]}
    assert (found["nan"]["value"], found["up"]["value"]) == ("NaN", "Infinity")
    assert (found["nan"]["timestamp"], found["nan"]["step"]) == (9007199254740993, -(2**63))


@pytest.mark.parametrize("face", ["mlflow", "own"])
def test_a_deleted_run_takes_nothing_more_at_once(server: LiveServer, face: str) -> None:
    run_id = new_run(server)
    log_metric(server, run_id)
    if face == "mlflow":
        server.call("POST", f"{API}/runs/delete", json={"run_id": run_id})
    else:
        server.call("DELETE", f"/api/v1/runs/{run_id}")
    refusal = log_metric(server, run_id, 400)
    assert refusal["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "must be in the 'active' state" in refusal["message"]
    assert log_metric(server, new_id(), 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_a_deleted_experiment_takes_no_runs_at_once(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    new_run(server, experiment_id=experiment_id)
    server.call("DELETE", f"/api/v1/experiments/{experiment_id}")
    refusal = server.call("POST", f"{API}/runs/create", 400, json={"experiment_id": experiment_id})
    assert "must be in the 'active' state" in refusal["message"]


def test_what_the_sdk_logs_counts_for_params_logged_here(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run("0", [e.ParamsLogged(run_id, {"lr": "0.1"})], run_id=run_id)
    param = {"run_id": run_id, "key": "lr", "value": "0.2"}
    refusal = server.call("POST", f"{API}/runs/log-parameter", 400, json=param)
    assert "was already logged with value='0.1'" in refusal["message"]
    assert server.call("GET", f"/api/v1/runs/{run_id}")["conflicts"] == []


def test_a_refused_batch_leaves_nothing(server: LiveServer) -> None:
    run_id = new_run(server)
    batch = {
        "run_id": run_id,
        "metrics": [{"key": "fine", "value": 1, "timestamp": 1}],
        "params": [{"key": "fine", "value": "1"}],
        "tags": [{"key": "bad*", "value": "1"}],
    }
    server.call("POST", f"{API}/runs/log-batch", 400, json=batch)
    assert set(read(server, run_id)["data"]) == {"tags"}


def test_a_point_sent_again_is_told_once_here_and_kept_there(server: LiveServer) -> None:
    run_id = new_run(server)
    for _ in range(3):
        log_metric(server, run_id)
    history = server.call(
        "GET", f"{API}/metrics/get-history", params={"run_id": run_id, "metric_key": "loss"}
    )
    assert history == {"metrics": [{"key": "loss", "value": 0.5, "timestamp": 7, "step": 1}]}
    kept = server.call("GET", f"/api/v1/runs/{run_id}/metric-history", params={"key": "loss"})
    assert len(kept["points"]) == 3


def test_pages_of_a_history(server: LiveServer) -> None:
    run_id = new_run(server)
    values = ["NaN", 2, "-Infinity", 0, "Infinity", -1]
    points = [{"key": "loss", "value": value, "timestamp": 7, "step": 1} for value in values]
    server.call("POST", f"{API}/runs/log-batch", json={"run_id": run_id, "metrics": points})
    found, query = [], {"run_id": run_id, "metric_key": "loss", "max_results": "2"}
    while True:
        page = server.call("GET", f"{API}/metrics/get-history", params=query)
        found += [point["value"] for point in page["metrics"]]
        if "next_page_token" not in page:
            break
        query["page_token"] = page["next_page_token"]
    assert found == ["-Infinity", -1, 0, "NaN", 2, "Infinity"]
    other = {**query, "metric_key": "other"}
    assert server.call("GET", f"{API}/metrics/get-history", 400, params=other)["error_code"]


def test_a_large_json_body_is_refused(server: LiveServer) -> None:
    body = json.dumps({"run_id": "x", "key": "k" * (17 << 20)}).encode()
    refusal = server.call("POST", f"{API}/runs/log-metric", 413, content=body)
    assert refusal["error_code"] == "INVALID_PARAMETER_VALUE"


def test_what_the_server_says_of_itself(server: LiveServer) -> None:
    assert server.client.get("/version").text == "3.17.0"
    assert server.call("GET", "/api/3.0/mlflow/server-info")["multipart_uploads_enabled"] is False
    assert server.call("POST", "/graphql", 501)["error_code"] == "NOT_IMPLEMENTED"
