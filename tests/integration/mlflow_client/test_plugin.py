"""The plugin: `mlflow` pointed at `trackstream://…`, writing to the log by itself."""

from __future__ import annotations

import math
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.integration.processes import Process
from tests.kafka_cluster import ClusterLog
from trackstream import Client
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.processes import Server
    from trackstream_api.native.stack import Stack

LIMIT_S = 120.0


@pytest.fixture(scope="module", params=["server", "directory"])
def store_uri(request: pytest.FixtureRequest, tracking_server: Server) -> Iterator[str]:
    """The server's address for the plugin, in both ways; the producer ends before the server does."""
    from trackstream_mlflow.connection import connection_to

    uri = f"trackstream://127.0.0.1:{tracking_server.port}"
    if request.param == "directory":
        uri = f"trackstream://{tracking_server.directory}"
    yield uri
    connection_to(uri).end()


@pytest.fixture
def plugged(store_uri: str, tracking_server: Server) -> Iterator[Any]:
    """The `mlflow` module, pointed at the server through the plugin; no run is active before and after."""
    import mlflow

    mlflow.set_tracking_uri(store_uri)
    mlflow.set_registry_uri(store_uri)
    yield mlflow
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(tracking_server.url)
    mlflow.set_registry_uri(tracking_server.url)


def refusal(act: Any, *args: Any) -> str:
    """Return the error code with which MLflow's client refuses."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        act(*args)
    return str(caught.value.error_code)


def test_what_is_logged_is_read_back_at_once(plugged: Any) -> None:
    client = plugged.MlflowClient()
    plugged.set_experiment(f"plugged {new_id()}")
    with plugged.start_run(run_name="first", tags={"team": "vision"}) as run:
        run_id = run.info.run_id
        plugged.log_params({"lr": 0.1, "long": "x" * 7000})
        for step in range(2000):
            plugged.log_metric("loss", 1 / (step + 1), step=step)
        assert client.get_run(run_id).data.metrics == {"loss": 1 / 2000}
        plugged.log_metrics({"nan": math.nan, "up": math.inf}, step=np.int64(7))
        plugged.set_tag("note", "ü")
        plugged.set_tag("gone", 1)
        client.delete_tag(run_id, "gone")
        plugged.log_text("hello", "notes/a.txt")
        with plugged.start_run(nested=True) as inner:
            plugged.log_metric("x", 1)
    found = client.get_run(run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert found.info.end_time >= found.info.start_time
    assert found.data.params == {"lr": "0.1", "long": "x" * 6000}
    assert math.isnan(found.data.metrics["nan"])
    assert found.data.metrics["up"] == math.inf
    assert (found.data.tags["team"], found.data.tags["note"]) == ("vision", "ü")
    assert "gone" not in found.data.tags
    history = client.get_metric_history(run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(n, 1 / (n + 1)) for n in range(2000)]
    assert [file.path for file in client.list_artifacts(run_id, "notes")] == ["notes/a.txt"]
    assert plugged.artifacts.load_text(f"runs:/{run_id}/notes/a.txt") == "hello"
    children = plugged.search_runs(
        filter_string=f"tags.mlflow.parentRunId = '{run_id}'", output_format="list"
    )
    assert [child.info.run_id for child in children] == [inner.info.run_id]


def test_a_run_goes_on_under_another_name_and_ends_again(plugged: Any) -> None:
    plugged.set_experiment(f"resumed {new_id()}")
    with plugged.start_run(run_name="before") as run:
        plugged.log_metric("x", 1)
    with plugged.start_run(run_id=run.info.run_id):
        plugged.set_tag("mlflow.runName", "after")
        plugged.log_metric("x", 2, step=1)
        assert plugged.get_run(run.info.run_id).info.status == "RUNNING"
    found = plugged.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name, found.data.metrics) == ("FINISHED", "after", {"x": 2})


def test_what_is_wrong_is_refused_as_by_mlflow(plugged: Any) -> None:
    from mlflow.entities import Metric, Param

    client = plugged.MlflowClient()
    run_id = client.create_run(client.create_experiment(f"wrong {new_id()}")).info.run_id
    client.log_param(run_id, "lr", 1)
    client.log_param(run_id, "lr", 1)
    invalid = "INVALID_PARAMETER_VALUE"
    assert refusal(client.log_param, run_id, "lr", 2) == invalid
    assert refusal(client.log_metric, run_id, "a?", 1.0) == invalid
    assert refusal(client.log_metric, run_id, "x" * 251, 1.0) == invalid
    assert refusal(client.log_metric, run_id, "a", "high") == invalid
    assert refusal(client.log_metric, run_id, "a", 1.0, -1) == invalid
    assert refusal(client.log_metric, run_id, "a", 1.0, 1, 1 << 63) == invalid
    assert refusal(client.set_tag, run_id, "../a", 1) == invalid
    points = [Metric("good", 1.0, 1, 0), Metric("bad?", 1.0, 1, 0)]
    assert refusal(client.log_batch, run_id, points, [Param("p", "1")]) == invalid
    assert refusal(client.log_batch, run_id, points[:1], [Param("p", "1"), Param("lr", "2")]) == invalid
    assert refusal(client.log_metric, new_id(), "a", 1.0) == "RESOURCE_DOES_NOT_EXIST"
    found = client.get_run(run_id).data
    assert (found.params, found.metrics) == ({"lr": "1"}, {})
    client.delete_run(run_id)
    assert refusal(client.log_metric, run_id, "a", 1.0) == "INVALID_STATE"
    client.restore_run(run_id)
    client.log_metric(run_id, "a", 1.0)
    assert client.get_run(run_id).data.metrics == {"a": 1.0}


def test_a_param_of_two_processes_keeps_the_first_value(plugged: Any, tracking_server: Server) -> None:
    client = plugged.MlflowClient()
    run_id = client.create_run(client.create_experiment(f"conflict {new_id()}")).info.run_id
    client.log_param(run_id, "mine", 1)
    other = Client(tracking_server.url)
    other.log_param(run_id, "lr", "theirs")
    other.close()
    client.log_param(run_id, "lr", "ours")
    assert client.get_run(run_id).data.params == {"mine": "1", "lr": "theirs"}
    (conflict,) = tracking_server.call("GET", f"/api/v1/runs/{run_id}")["conflicts"]
    assert (conflict["key"], conflict["kept"], conflict["rejected"]) == ("lr", "theirs", "ours")


def test_autolog_register_and_load(plugged: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    experiment = plugged.set_experiment(f"autolog {new_id()}")
    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    plugged.sklearn.autolog()
    try:
        with plugged.start_run() as run:
            LogisticRegression(C=2.0).fit(x, y)
    finally:
        plugged.sklearn.autolog(disable=True)
    found = plugged.get_run(run.info.run_id).data
    assert (found.params["C"], found.metrics["training_score"]) == ("2.0", 1.0)
    (model,) = plugged.search_logged_models([experiment.experiment_id], output_format="list")
    assert {metric.key: metric.value for metric in model.metrics}["training_score"] == 1.0
    version = plugged.register_model(f"models:/{model.model_id}", f"model {new_id()}")
    plugged.MlflowClient().set_registered_model_alias(version.name, "champion", version.version)
    loaded = plugged.pyfunc.load_model(f"models:/{version.name}@champion")
    assert loaded.predict(x).tolist() == y


def test_metrics_logged_asynchronously_are_there_once_they_are_flushed(plugged: Any) -> None:
    plugged.set_experiment(f"asynchronous {new_id()}")
    with plugged.start_run() as run:
        for value in range(50):
            plugged.log_metric("loss", value, step=value, synchronous=False)
        plugged.flush_async_logging()
    history = plugged.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [point.value for point in history] == list(range(50))


def test_spans_and_their_tags(plugged: Any) -> None:
    experiment = plugged.set_experiment(f"traced {new_id()}")
    with plugged.start_span("outer") as span:
        span.set_inputs({"question": 6})
    plugged.flush_trace_async_logging()
    plugged.set_trace_tag(span.trace_id, "checked", "yes")
    (found,) = plugged.search_traces([experiment.experiment_id], return_type="list")
    assert [each.name for each in found.data.spans] == ["outer"]
    assert found.info.tags["checked"] == "yes"


ENDINGS = {
    "exit": ("", "FINISHED", 0),
    "exception": ("raise RuntimeError('as the test wants')", "FAILED", 1),
    "terminated": ("time.sleep(600)", "KILLED", -signal.SIGTERM),
}


def test_the_end_of_a_process_sends_what_is_buffered(tracking_server: Server, tmp_path: Path) -> None:
    """However it ends, and with the SDK at work beside the plugin."""
    script = """
        import time, mlflow, trackstream
        mlflow.set_tracking_uri(f"trackstream://127.0.0.1:{port}")
        mlflow.set_experiment("{name}")
        trackstream.set_tracking_uri("http://127.0.0.1:{port}")
        trackstream.set_experiment("{name}")
        trackstream.start_run(run_name="sdk")
        outer = mlflow.start_run(run_name="outer")
        mlflow.start_run(run_name="inner", nested=True)
        for step in range(3000):
            mlflow.log_metric("loss", step, step=step)
            mlflow.MlflowClient().log_metric(outer.info.run_id, "loss", step, step=step)
            trackstream.log_metric("loss", step, step=step)
        print("logged", flush=True)
        {end}
    """
    name = f"ending {new_id()}"
    running = {}
    for ending, (end, _, _) in ENDINGS.items():
        code = textwrap.dedent(script).replace("{port}", str(tracking_server.port))
        code = code.replace("{name}", f"{name} {ending}").replace("{end}", end)
        running[ending] = Process(
            tmp_path / ending, [sys.executable, "-c", code], {"TRACKSTREAM_LINGER_MS": "60000"}
        )
    running["terminated"].wait_for("logged", 1)
    running["terminated"].ask_to_stop()
    for ending, (_, status, code) in ENDINGS.items():
        assert running[ending].wait(LIMIT_S) == code, running[ending].output()
        found = tracking_server.call(
            "POST", "/api/v1/runs/search", json={"experiment_names": [f"{name} {ending}"]}
        )["runs"]
        assert {run["name"]: run["status"] for run in found} == dict.fromkeys(
            ("sdk", "outer", "inner"), status
        ), running[ending].output()
        for run in found:
            (loss,) = tracking_server.call("GET", f"/api/v1/runs/{run['run_id']}/metrics")["metrics"]
            assert (loss["points"], loss["last_step"]) == (3000, 2999)


def test_a_directory_without_a_server_is_told(tmp_path: Path) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(f"trackstream://{tmp_path}/store")
    with pytest.raises(MlflowException, match="trackstream server --dir") as caught:
        client.search_experiments()
    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"


def test_a_uri_that_is_not_understood_is_told() -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"trackstream\+kafka"):
        MlflowClient("trackstream://host:5000/somewhere")


def test_other_addresses_keep_mlflows_own_artifacts() -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    found = get_artifact_repository("mlflow-artifacts:/0/run/artifacts", "http://host:5000")
    assert found.artifact_uri == "http://host:5000/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts"


def test_points_go_to_kafka_without_the_server(kafka_stack: Stack) -> None:
    from mlflow import MlflowClient

    from trackstream_mlflow.connection import connection_to

    cluster = ClusterLog(kafka_stack.kafka)
    servers, _, options = cluster.uri.removeprefix("kafka://").partition("?")
    # Nobody answers there: what is logged to a run must not ask.
    uri = f"trackstream+kafka://{servers}?{options}&api=http://127.0.0.1:9"
    client = MlflowClient(uri)
    run_id = new_id()
    for step in range(500):
        client.log_metric(run_id, "loss", step / 2, step=step)
    client.log_param(run_id, "lr", 0.1)
    connection_to(uri).end()
    points = []
    for stored in cluster.stored(topics.METRICS):
        body = codec.decode(stored.value).body
        if isinstance(body, e.MetricsLogged):
            points += zip(body.steps.tolist(), body.values.tolist(), strict=True)
    assert points == [(step, step / 2) for step in range(500)]
    bodies = [codec.decode(stored.value).body for stored in cluster.stored(topics.RUNS)]
    assert e.ParamsLogged(run_id, {"lr": "0.1"}) in bodies
