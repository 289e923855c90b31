"""Every endpoint that MLflow's services describe has a place here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from trackstream_api.mlflow.face import Endpoint, endpoints

if TYPE_CHECKING:
    from tests.integration.processes import Server


def described() -> set[tuple[str, str]]:
    """Return (method, path) of MLflow's services, parameters without names, as far as they are public."""
    from mlflow.protos import databricks_pb2, mlflow_artifacts_pb2, model_registry_pb2, service_pb2

    found = set()
    services = (
        service_pb2.MlflowService,
        model_registry_pb2.ModelRegistryService,
        mlflow_artifacts_pb2.MlflowArtifactsService,
    )
    for service in services:
        for method in service.DESCRIPTOR.methods:
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                prefix = f"/{endpoint.since.major}.0"
                found.add((endpoint.method, shape(f"{prefix}{endpoint.path}")))
    return found


def shape(path: str) -> str:
    """Return a path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "*", path)


def ours() -> dict[tuple[str, str], Endpoint]:
    return {(endpoint.method, shape(endpoint.path)): endpoint for endpoint in endpoints()}


def test_every_endpoint_of_mlflow_is_answered_or_knowingly_left_out() -> None:
    missing = {
        (method, path) for method, path in described() - ours().keys() if not path.startswith("/2.0/preview")
    }
    assert missing == set()


def test_what_is_left_out_is_mlflows() -> None:
    # What MLflow's server has besides its services.
    beside = {"/2.0/mlflow/runs/create-promptlab-run", "/graphql", "/v1/traces"}
    left_out = {
        (endpoint.method, shape(endpoint.path))
        for endpoint in endpoints()
        if not endpoint.answers and endpoint.path not in beside
    }
    assert left_out
    assert left_out <= described()


@pytest.mark.parametrize("prefix", ["/api", "/ajax-api"])
def test_what_is_left_out_answers_501(tracking_server: Server, prefix: str) -> None:
    with httpx.Client(base_url=tracking_server.url, timeout=60) as client:
        for endpoint in endpoints():
            if endpoint.answers or not endpoint.path.startswith(("/2.0", "/3.0")):
                continue
            answer = client.request(endpoint.method, f"{prefix}{endpoint.path}", json={})
            assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
