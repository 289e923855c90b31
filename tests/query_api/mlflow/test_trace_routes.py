"""Traces over HTTP: what the stock client does not ask, or asks otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

API = "/api/3.0/mlflow/traces"


def started(server: LiveServer, **fields: Any) -> str:
    trace_id = f"tr-{new_id()}"
    info = {
        "trace_id": trace_id,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2024-05-01T10:00:00.125Z",
        "execution_duration": "1.5s",
        "state": "OK",
        "trace_metadata": {"m": "1"},
        "tags": {"t": "1"},
    }
    answer = server.call("POST", API, json={"trace": {"trace_info": info | fields}})
    assert answer["trace"]["trace_info"]["trace_id"] == trace_id
    return trace_id


def test_a_trace_comes_back_as_given_with_a_place_for_its_spans(server: LiveServer) -> None:
    judged = {
        "assessment_name": "correct",
        "source": {"source_type": "HUMAN", "source_id": "ann"},
        "feedback": {"value": {"score": [1, None]}},
    }
    trace_id = started(server, request_preview="what?", assessments=[judged], client_request_id="c")
    info = server.call("GET", f"{API}/{trace_id}")["trace"]["trace_info"]
    (assessment,) = info.pop("assessments")
    assert info == {
        "trace_id": trace_id,
        "client_request_id": "c",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_preview": "what?",
        "request_time": "2024-05-01T10:00:00.125Z",
        "execution_duration": "1.500s",
        "state": "OK",
        "trace_metadata": {"m": "1"},
        "tags": {"t": "1", "mlflow.artifactLocation": f"mlflow-artifacts:/0/traces/{trace_id}/artifacts"},
    }
    assert assessment["assessment_id"].startswith("a-")
    assert (assessment["feedback"], assessment["valid"]) == ({"value": {"score": [1, None]}}, True)
    again = server.call("GET", f"/api/v1/traces/{trace_id}")
    assert (again["request_time"], again["execution_duration"]) == (1_714_557_600_125, 1500)
    assert again["assessments"][0]["value"] == {"score": [1, None]}


def test_a_trace_whose_spans_are_not_there_yet(server: LiveServer) -> None:
    trace_id = started(server)
    refused = server.call("GET", f"{API}/get", 404, params={"trace_id": trace_id})
    assert "not fully exported yet" in refused["message"]
    partial = server.call("GET", f"{API}/get", params={"trace_id": trace_id, "allow_partial": "true"})
    assert partial["trace"]["trace_info"]["trace_id"] == trace_id
    assert server.call("GET", f"{API}/batchGet", params={"trace_ids": [trace_id]}) == {}


def test_spans_are_the_file_that_the_tracer_uploads(server: LiveServer) -> None:
    trace_id = started(server)
    span = {"trace_id": "AA==", "span_id": "AA==", "name": "s", "start_time_unix_nano": 1, "attributes": {}}
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{trace_id}/artifacts/traces.json"
    assert server.client.put(path, content=json.dumps({"spans": [span]})).status_code == 200
    other = started(server)
    (found,) = server.call("GET", f"{API}/batchGet", params={"trace_ids": [other, trace_id, "tr-x"]})[
        "traces"
    ]
    assert [item["name"] for item in found["spans"]] == ["s"]
    infos = server.call("POST", f"{API}/batchGetInfos", json={"trace_ids": [trace_id, other]})["trace_infos"]
    assert [info["trace_id"] for info in infos] == [trace_id, other]
    nowhere = {"trace_ids": [trace_id], "experiment_ids": ["1"]}
    assert server.call("POST", f"{API}/batchGetInfos", json=nowhere) == {}
    server.call("POST", f"{API}/delete-traces", json={"experiment_id": "0", "request_ids": [trace_id]})
    assert server.call("GET", f"/api/v1/runs/{trace_id}/artifacts", 404)
    assert server.client.get(path).status_code == 404


def test_a_trace_found_by_the_prompts_that_it_used(server: LiveServer) -> None:
    trace_id = started(server)
    body = {"trace_id": trace_id, "prompt_versions": [{"name": "greeting", "version": "2"}]}
    server.call("POST", "/api/2.0/mlflow/traces/link-prompts", json=body)

    def found(text: str) -> list[str]:
        where = [{"mlflow_experiment": {"experiment_id": "0"}}]
        page = server.call("POST", f"{API}/search", json={"locations": where, "filter": text})
        return [info["trace_id"] for info in page.get("traces", [])]

    assert found("prompt = 'greeting/2'") == [trace_id]
    assert found("prompt = 'greeting/1'") == []
    v2 = server.call(
        "GET", "/api/2.0/mlflow/traces", params={"experiment_ids": "0", "filter": "prompt = 'greeting/2'"}
    )
    assert [info["request_id"] for info in v2["traces"]] == [trace_id]


def test_an_update_names_its_fields_in_either_spelling(server: LiveServer) -> None:
    trace_id = started(server)
    made = server.call(
        "POST",
        f"{API}/{trace_id}/assessments",
        json={"assessment": {"assessment_name": "a", "expectation": {"value": 1}}},
    )["assessment"]
    path = f"{API}/{trace_id}/assessments/{made['assessment_id']}"
    change = {"assessment_name": "b", "rationale": "why", "metadata": {"k": "v"}}
    found = server.call("PATCH", path, json={"assessment": change, "update_mask": "assessmentName,metadata"})
    assert found["assessment"]["assessment_name"] == "b"
    assert "rationale" not in found["assessment"]
    found = server.call("PATCH", path, json={"assessment": change, "update_mask": {"paths": ["rationale"]}})
    assert found["assessment"]["rationale"] == "why"
    refused = server.call(
        "PATCH", path, 400, json={"assessment": {"feedback": {"value": 1}}, "update_mask": "feedback"}
    )
    assert "Cannot update feedback value on an expectation" in refused["message"]
    assert server.call("DELETE", path) == {}
    assert server.call("DELETE", path) == {}
    assert server.call("GET", path, 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_single_spans_are_refused_in_the_words_that_the_client_knows(server: LiveServer) -> None:
    refused = server.call("POST", "/v1/traces", 501, content=b"\x0a\x00")
    assert "REST OTLP span logging is not supported" in refused["message"]


WHERE = {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}]}


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("", {"trace": {"trace_info": {"trace_id": "tr-1"}}}, "experiment_id"),
        ("", {"trace": {}}, "trace_info"),
        ("/search", {}, "locations"),
        ("/search", WHERE | {"max_results": 501}, "max_results"),
        ("/search", WHERE | {"filter": "colour = 'red'"}, "position"),
        ("/search", WHERE | {"order_by": ["feedback.x"]}, "position"),
        ("/search", WHERE | {"order_by": ["name", "tags.`a` DESC", "name"]}, "order_by[2]"),
        ("/search", WHERE | {"filter": "prompt = 'x'"}, "name/3"),
        ("/delete-traces", {"experiment_id": "0"}, "max_timestamp_millis"),
        ("/delete-traces", {"experiment_id": "0", "max_timestamp_millis": 1, "max_traces": 0}, "max_traces"),
        ("/batchGetInfos", {}, "trace_ids"),
        ("/tr-1/assessments", {"assessment": {"assessment_name": "a"}}, "Exactly one of"),
    ],
)
def test_refusals_name_the_field(server: LiveServer, path: str, body: dict[str, Any], wrong: str) -> None:
    if path == "/tr-1/assessments":
        path = f"/{started(server)}/assessments"
    refused = server.call("POST", f"{API}{path}", 400, json=body)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert wrong in refused["message"]
