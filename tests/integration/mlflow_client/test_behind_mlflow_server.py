"""`mlflow server --backend-store-uri trackstream://…`: MLflow's own UI and API over a Trackstream store."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.integration.processes import Process, free_port
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.processes import Server

START_LIMIT_S = 240.0
UI = "/ajax-api/2.0/mlflow"


@pytest.fixture(scope="module")
def front(tracking_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an `mlflow server` with two workers."""
    port = free_port()
    store = f"trackstream://127.0.0.1:{tracking_server.port}"
    command = [str(Path(sys.executable).parent / "mlflow"), "server", "--workers", "2"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", store, "--artifacts-destination", store]
    process = Process(tmp_path_factory.mktemp("front") / "log", command, {})
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + START_LIMIT_S
        while not answers(url):
            assert process.running, process.output()
            assert time.monotonic() < until, process.output()
            time.sleep(0.1)
        yield url
    finally:
        process.kill()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def fronted(front: str) -> Iterator[Any]:
    """The `mlflow` module, pointed at the MLflow server; no run is active afterwards."""
    import mlflow

    mlflow.set_tracking_uri(front)
    mlflow.set_registry_uri(front)
    yield mlflow
    while mlflow.active_run() is not None:
        mlflow.end_run()


def test_the_ui_sees_what_was_logged_and_every_worker_at_once(
    fronted: Any, front: str, tracking_server: Server
) -> None:
    import pandas

    name = f"fronted {new_id()}"
    experiment_id = fronted.set_experiment(name).experiment_id
    client = fronted.MlflowClient()
    data = fronted.data.from_pandas(pandas.DataFrame({"x": [1.0, 2.0]}), name="numbers")
    with fronted.start_run(run_name="first") as run:
        run_id = run.info.run_id
        fronted.log_param("lr", 0.1)
        fronted.log_input(data, context="training")
        # Whichever worker took the point, the one that is asked next knows it.
        for step in range(10):
            fronted.log_metric("loss", step / 2, step=step)
            assert client.get_run(run_id).data.metrics["loss"] == step / 2
        fronted.log_text("hello", "notes/a.txt")
    with httpx.Client(base_url=front, timeout=120) as http:

        def ask(method: str, path: str, **options: Any) -> Any:
            answer = http.request(method, path, **options)
            assert answer.status_code == 200, answer.text
            return answer.json()

        found = ask("POST", f"{UI}/experiments/search", json={"filter": f"name = '{name}'", "max_results": 5})
        assert [each["experiment_id"] for each in found["experiments"]] == [experiment_id]
        wanted = {"experiment_ids": [experiment_id], "order_by": ["metrics.loss DESC"]}
        (listed,) = ask("POST", f"{UI}/runs/search", json=wanted)["runs"]
        assert (listed["info"]["run_name"], listed["info"]["status"]) == ("first", "FINISHED")
        assert {each["key"]: each["value"] for each in listed["data"]["metrics"]} == {"loss": 4.5}
        of_run = {"run_id": run_id}
        history = ask("GET", f"{UI}/metrics/get-history", params={**of_run, "metric_key": "loss"})
        assert [point["step"] for point in history["metrics"]] == list(range(10))
        for path, of_runs in (("bulk", of_run), ("bulk-interval", {"run_ids": run_id, "max_results": 100})):
            bulk = ask("GET", f"{UI}/metrics/get-history-{path}", params={**of_runs, "metric_key": "loss"})
            assert [point["value"] for point in bulk["metrics"]] == [step / 2 for step in range(10)]
        files = ask("GET", f"{UI}/artifacts/list", params={**of_run, "path": "notes"})["files"]
        assert [(file["path"], file["file_size"]) for file in files] == [("notes/a.txt", 5)]
        assert http.get("/get-artifact", params={**of_run, "path": "notes/a.txt"}).text == "hello"
        summaries = ask("POST", f"{UI}/experiments/search-datasets", json={"experiment_ids": [experiment_id]})
        (summary,) = summaries["dataset_summaries"]
        assert (summary["name"], summary["context"]) == ("numbers", "training")
        assert http.get("/").text.startswith("<!doctype html>")
        missing = http.get(f"{UI}/runs/get", params={"run_id": new_id()})
        assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    # And it is Trackstream's own: on its log, and its artifact too.
    there = tracking_server.call("GET", f"/api/v1/runs/{run_id}")
    assert (there["name"], there["params"], there["metrics"]["loss"]["value"]) == (
        "first",
        {"lr": "0.1"},
        4.5,
    )
    (folder,) = tracking_server.call("GET", f"/api/v1/runs/{run_id}/artifacts")["artifacts"]
    assert (folder["path"], folder["is_dir"]) == ("notes", True)


def test_models_and_traces_behind_it(fronted: Any) -> None:
    experiment = fronted.set_experiment(f"fronted models {new_id()}")
    client = fronted.MlflowClient()
    name = client.create_registered_model(f"model {new_id()}").name
    with fronted.start_run() as run:
        fronted.log_text("weights", "model/weights")
    version = client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias(name, "champion", version.version)
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    assert fronted.artifacts.load_text(f"models:/{name}@champion/weights") == "weights"
    with fronted.start_span("outer"):
        pass
    fronted.flush_trace_async_logging()
    (found,) = fronted.search_traces([experiment.experiment_id], return_type="list")
    assert [span.name for span in found.data.spans] == ["outer"]
