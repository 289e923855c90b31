"""Fills an MLflow store by the real client: `python mlflow_filler.py URI RUNS [ARTIFACTS]`."""

from __future__ import annotations

import math
import os
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
from mlflow.entities import Metric

_START = 1_700_000_000_000


def fill(uri: str, runs: int, artifacts: str | None) -> None:
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = mlflow.MlflowClient(uri, uri)
    client.create_experiment("vision", artifacts, tags={"team": "a"})
    removed = client.create_experiment("gone", artifacts)
    client.delete_experiment(removed)
    mlflow.set_experiment("vision")
    with mlflow.start_run(run_name="parent", tags={"k": "v"}) as parent:
        mlflow.log_params({"lr": "0.1", "layers": "2"})
        for step, value in enumerate([math.nan, 0.5, -0.25]):
            mlflow.log_metric("loss", value, step=step)
        mlflow.log_text("hello", "notes/deep/a.txt")
        mlflow.log_text("", "empty.txt")
        data = mlflow.data.from_dict({"x": [1]}) if hasattr(mlflow.data, "from_dict") else None
        if data is not None:
            mlflow.log_input(data, context="training")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metrics({f"m{number}": float(number) for number in range(5)}, step=3)
        info = mlflow.pyfunc.log_model(name="model", python_model=_Double(), input_example=None)
    experiment_id = parent.info.experiment_id
    points = [Metric(f"k{n % 3}", n / 7, _START + n, n // 3) for n in range(90)]
    for number in range(runs):
        made = client.create_run(experiment_id, start_time=_START + number, run_name=f"run {number}")
        client.log_batch(made.info.run_id, metrics=points)
        client.set_terminated(made.info.run_id, "FAILED", _START + number + 5)
    dropped = client.create_run(experiment_id, run_name="dropped")
    client.delete_run(dropped.info.run_id)
    client.create_registered_model("m", tags={"k": "v"}, description="a model")
    for source in (info.model_uri, f"{parent.info.artifact_uri}/notes", f"runs:/{parent.info.run_id}/notes"):
        client.create_model_version("m", source, parent.info.run_id, tags={"s": source[:4]}, description="d")
    client.create_model_version("m", f"runs:/{parent.info.run_id}/notes", parent.info.run_id)
    client.delete_model_version("m", "2")
    client.set_registered_model_alias("m", "champion", "4")
    client.transition_model_version_stage("m", "1", "Staging")
    client.update_model_version("m", "3", "changed")
    mlflow.register_prompt("greeting", "hello {{name}}")
    with mlflow.start_span("question") as span:
        span.set_inputs({"a": 1})
        span.set_outputs("b")
    mlflow.flush_trace_async_logging()


class _Double(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return [2 * value for value in model_input]


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
