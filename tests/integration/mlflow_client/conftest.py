"""The real `mlflow` package against a real `trackstream server` process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.processes import Server
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

# Before anything imports mlflow: it reads them once. A test must not wait minutes for a request that fails.
os.environ.update(
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_HTTP_REQUEST_MAX_RETRIES="2",
    MLFLOW_HTTP_REQUEST_TIMEOUT="120",
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings are errors where they are ours; here they are mlflow's and of what it imports."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def tracking_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests of the folder share; each makes its own experiments, runs and models."""
    server = Server(tmp_path_factory.mktemp("mlflow") / "store").start()
    yield server
    server.close()


@pytest.fixture
def tracked(tracking_server: Server) -> Iterator[Any]:
    """The `mlflow` module, pointed at the server; no run is active before and after."""
    import mlflow

    mlflow.set_tracking_uri(tracking_server.url)
    mlflow.set_registry_uri(tracking_server.url)
    yield mlflow
    while mlflow.active_run() is not None:
        mlflow.end_run()


@pytest.fixture
def client(tracked: Any) -> MlflowClient:
    """A client of the server."""
    made: MlflowClient = tracked.MlflowClient()
    return made


@pytest.fixture
def experiment_id(client: MlflowClient) -> str:
    """The id of an experiment of the test's own."""
    return str(client.create_experiment(f"experiment {new_id()}"))
