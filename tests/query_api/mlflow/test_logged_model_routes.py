"""Logged models over HTTP: what the stock client does not ask, or asks otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

API = "/api/2.0/mlflow/logged-models"


def made(server: LiveServer, **fields: Any) -> dict[str, Any]:
    answer = server.call("POST", API, json={"experiment_id": "0"} | fields)
    model: dict[str, Any] = answer["model"]
    return model


def test_a_model_is_given_a_name_and_a_place(server: LiveServer) -> None:
    info = made(server)["info"]
    model_id = info["model_id"]
    assert model_id.startswith("m-")
    assert info["name"]
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    assert (info["status"], info["experiment_id"]) == ("LOGGED_MODEL_PENDING", "0")
    assert isinstance(info["creation_timestamp_ms"], int)
    assert server.call("GET", f"{API}/{model_id}")["model"]["info"] == info
    assert server.call("GET", f"/ajax-api/2.0/mlflow/logged-models/{model_id}")["model"]["info"] == info


def test_a_model_keeps_the_place_of_its_experiment(server: LiveServer) -> None:
    body = {"name": f"elsewhere {new_id()}", "artifact_location": "s3://bucket/place/"}
    home = server.call("POST", "/api/v1/experiments", 201, json=body)["experiment_id"]
    info = made(server, experiment_id=home)["info"]
    assert info["artifact_uri"] == f"s3://bucket/place/models/{info['model_id']}/artifacts"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        (3, "LOGGED_MODEL_UPLOAD_FAILED"),
        ("2", "LOGGED_MODEL_READY"),
    ],
)
def test_a_status_is_a_name_or_a_number(server: LiveServer, given: str | int, status: str) -> None:
    model_id = made(server)["info"]["model_id"]
    found = server.call("PATCH", f"{API}/{model_id}", json={"model_id": model_id, "status": given})
    assert found["model"]["info"]["status"] == status


def test_a_param_has_one_value_for_ever(server: LiveServer) -> None:
    model_id = made(server, params=[{"key": "a", "value": "1"}])["info"]["model_id"]
    path = f"{API}/{model_id}/params"
    server.call("POST", path, json={"params": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]})
    refused = server.call("POST", path, 400, json={"params": [{"key": "c"}, {"key": "a", "value": "9"}]})
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "key='a'" in refused["message"]
    params = server.call("GET", f"{API}/{model_id}")["model"]["data"]["params"]
    assert params == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


def test_a_deleted_model_is_found_on_demand(server: LiveServer) -> None:
    model_id = made(server)["info"]["model_id"]
    server.call("DELETE", f"{API}/{model_id}", json={"model_id": model_id})
    assert server.call("GET", f"{API}/{model_id}", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    server.call("GET", f"{API}/{model_id}?allow_deleted=true")
    assert server.call("GET", f"/api/v1/logged-models/{model_id}")["lifecycle_stage"] == "deleted"


def test_measurements_are_each_there_once(server: LiveServer) -> None:
    model_id, run_id = made(server)["info"]["model_id"], server.new_run()
    point = {
        "key": "acc",
        "value": "NaN",
        "timestamp": 5,
        "step": 1,
        "model_id": model_id,
        "dataset_name": "d",
    }
    for _ in range(2):
        server.call("POST", "/api/2.0/mlflow/runs/log-metric", json={"run_id": run_id} | point)
    (found,) = server.call("GET", f"{API}/{model_id}")["model"]["data"]["metrics"]
    assert found == point | {"run_id": run_id}


def test_what_a_run_read_and_made(server: LiveServer) -> None:
    run_id = server.new_run()
    outputs = {"run_id": run_id, "models": [{"model_id": "m-1", "step": "3"}, {"model_id": "m-1", "step": 4}]}
    server.call("POST", "/api/2.0/mlflow/runs/outputs", json=outputs)
    server.log(e.ModelsLinked(run_id, ["m-2"]))
    seen = server.call("GET", "/api/2.0/mlflow/runs/get", params={"run_id": run_id})["run"]
    assert seen["outputs"]["model_outputs"] == [{"model_id": "m-1", "step": 3}]
    assert seen["inputs"]["model_inputs"] == [{"model_id": "m-2"}]
    run = server.call("GET", f"/api/v1/runs/{run_id}")
    assert (run["model_inputs"], run["model_outputs"]) == (["m-2"], [{"model_id": "m-1", "step": 3}])


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "", {"experiment_id": "0", "name": "a:b"}, "Invalid model name"),
        ("POST", "", {}, "experiment_id"),
        ("POST", "/search", {"experiment_ids": []}, "experiment_id"),
        ("POST", "/search", {"experiment_ids": ["0"], "filter": "name ~ 1"}, "position"),
        ("POST", "/search", {"experiment_ids": ["0"], "datasets": [{}]}, "dataset_name"),
        ("POST", "/search", {"experiment_ids": ["0"], "max_results": -1}, "max_results"),
        ("POST", "/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "params.x"}]}, "params.x"),
        ("POST", "/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "colour"}]}, "colour"),
        ("POST", "/search", {"experiment_ids": ["0"], "page_token": "x"}, "page_token"),
        ("PATCH", "/m-1", {"status": "DONE"}, "status"),
    ],
)
def test_refusals_name_the_field(
    server: LiveServer, method: str, path: str, body: dict[str, Any], wrong: str
) -> None:
    refused = server.call(method, f"{API}{path}", 400, json=body)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert wrong in refused["message"]
