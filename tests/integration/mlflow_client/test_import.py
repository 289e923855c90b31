"""MLflow stores filled by the real client, imported, and asked again through the real client."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.processes import TRACKSTREAM, Server, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

_FILLER = Path(__file__).with_name("mlflow_filler.py")
_LIMIT_S = 300
_RUNS = 150


def filled(uri: str, runs: int, artifacts: Path | None = None) -> None:
    extra = [] if artifacts is None else [str(artifacts)]
    command = [sys.executable, str(_FILLER), uri, str(runs), *extra]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
    assert done.returncode == 0, done.stderr


def imported(uri: str, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(TRACKSTREAM), "import", "mlflow", uri, "--dir", target, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, env=environment())


@contextlib.contextmanager
def client_of(uri: str) -> Iterator[MlflowClient]:
    """A client of a store, which alone is asked while the block lasts."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield mlflow.MlflowClient(uri, uri)
    finally:
        mlflow.set_tracking_uri(before)
        mlflow.set_registry_uri(before)


def everything(client: MlflowClient) -> dict[str, Any]:
    """Return what a store answers, made comparable: artifact URIs are each store's own."""
    from mlflow.entities import ViewType

    found: dict[str, Any] = {"experiments": {}, "runs": {}, "models": {}, "logged models": {}, "traces": {}}
    for experiment in client.search_experiments(ViewType.ALL):
        told = (experiment.name, experiment.tags, experiment.lifecycle_stage)
        if experiment.experiment_id != "0":
            told = (*told, experiment.creation_time, experiment.last_update_time)
        found["experiments"][experiment.experiment_id] = told
        for run in client.search_runs(
            [experiment.experiment_id], run_view_type=ViewType.ALL, max_results=500
        ):
            found["runs"][run.info.run_id] = run_told(client, run)
        if experiment.lifecycle_stage == "active":
            for model in client.search_logged_models([experiment.experiment_id]):
                found["logged models"][model.model_id] = logged_model_told(model)
            for trace in client.search_traces(locations=[experiment.experiment_id]):
                found["traces"][trace.info.trace_id] = trace_told(trace)
    for filter_string in (None, "tags.`mlflow.prompt.is_prompt` = 'true'"):
        for model in client.search_registered_models(filter_string):
            found["models"][model.name] = registered_told(client, model, filter_string)
    return found


def run_told(client: MlflowClient, run: Any) -> dict[str, Any]:
    info = {key: value for key, value in dict(run.info).items() if key != "artifact_uri"}
    history = {
        # A file store tells a point that was logged again twice; servers tell it once.
        key: {
            (point.step, point.timestamp, repr(point.value))
            for point in client.get_metric_history(run.info.run_id, key)
        }
        for key in run.data.metrics
    }
    latest = {key: repr(value) for key, value in run.data.metrics.items()}
    datasets = [
        (item.dataset.to_dictionary(), sorted((tag.key, tag.value) for tag in item.tags))
        for item in run.inputs.dataset_inputs
    ]
    outputs = [(item.model_id, item.step) for item in (run.outputs.model_outputs if run.outputs else [])]
    told = {"info": info, "params": run.data.params, "tags": run.data.tags, "latest": latest}
    told |= {"history": history, "datasets": datasets, "outputs": outputs}
    if run.info.run_name in ("parent", "child"):
        with tempfile.TemporaryDirectory() as place:
            client.download_artifacts(run.info.run_id, "", place)
            told["files"] = {
                str(path.relative_to(place)): path.read_bytes()
                for path in sorted(Path(place).rglob("*"))
                if path.is_file()
            }
    return told


def logged_model_told(model: Any) -> tuple[Any, ...]:
    times = (model.creation_timestamp, model.last_updated_timestamp)
    return (
        model.name,
        model.source_run_id,
        str(model.status),
        model.model_type or None,
        model.tags,
        model.params,
        *times,
    )


def trace_told(trace: Any) -> tuple[Any, ...]:
    info = trace.info
    own = {"mlflow.artifactLocation", "mlflow.trace.spansLocation"}
    tags = {key: value for key, value in info.tags.items() if key not in own}
    spans = [(span.name, span.inputs, span.outputs, span.start_time_ns) for span in trace.data.spans]
    return (info.request_time, info.execution_duration, str(info.state), tags, info.trace_metadata, spans)


def registered_told(client: MlflowClient, model: Any, filter_string: str | None) -> tuple[Any, ...]:
    text = f"name = '{model.name}'" + (f" AND {filter_string}" if filter_string else "")
    versions = {
        str(item.version): (
            item.current_stage,
            item.description or "",
            item.run_id or "",
            item.tags,
            item.creation_timestamp,
            item.last_updated_timestamp,
            item.source if item.source.startswith(("models:", "runs:")) else "elsewhere",
        )
        for item in client.search_model_versions(text)
    }
    aliases = {alias: str(number) for alias, number in model.aliases.items()}
    times = (model.creation_timestamp, model.last_updated_timestamp)
    return (model.description or "", model.tags, aliases, times, versions)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of MLflow's with many runs."""
    place = tmp_path_factory.mktemp("database")
    uri = f"sqlite:///{place / 'mlflow.db'}"
    filled(uri, _RUNS, place / "artifacts")
    return uri


def test_an_import_that_is_killed_goes_on_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    target = tmp_path / "store"
    command = [str(TRACKSTREAM), "import", "mlflow", database, "--dir", str(target)]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment())
        deadline = time.monotonic() + _LIMIT_S
        while process.poll() is None and runs_on(target) < 5 and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL, (tmp_path / "output").read_text()
    before = runs_on(target)
    assert 0 < before < _RUNS
    for _ in range(2):
        done = imported(database, str(target))
        assert done.returncode == 0, done.stderr
    assert f"{_RUNS + 3} runs had been imported before" in done.stdout
    server = Server(target).start()
    try:
        with client_of(database) as source:
            wanted = everything(source)
        with client_of(server.url) as client:
            assert_equal(everything(client), wanted)
            import mlflow

            assert mlflow.pyfunc.load_model("models:/m/1").predict([2]) == [4]
        answer = server.client.post(
            "/api/v1/sql",
            json={"query": "SELECT count() AS points, countDistinct(run_id) AS runs FROM v_metrics"},
        )
        assert answer.json()["rows"] == [[_RUNS * 90 + 8, _RUNS + 2]]
        assert not server.client.get("/api/v1/dead-letters").json()["dead_letters"]
    finally:
        server.close()


def runs_on(directory: Path) -> int:
    """Return how many runs have begun on the log of a directory."""
    if not (directory / "log.db").exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"{(directory / 'log.db').as_uri()}?mode=ro", uri=True)) as log:
        try:
            return int(log.execute('SELECT count(DISTINCT key) FROM "trackstream.runs"').fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_a_file_store_is_imported_into_a_running_server(tmp_path: Path) -> None:
    source_uri = str(tmp_path / "mlruns")
    filled(source_uri, 2)
    server = Server(tmp_path / "store").start()
    try:
        for _ in range(2):
            done = imported(source_uri, server.url)
            assert done.returncode == 0, done.stderr
        with client_of(source_uri) as source:
            wanted = everything(source)
        with client_of(server.url) as client:
            assert_equal(everything(client), wanted)
    finally:
        server.close()


def assert_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare part by part, so that a difference is told in few lines."""
    assert wanted["runs"]
    for kind, things in wanted.items():
        assert found[kind].keys() == things.keys(), kind
        for name, thing in things.items():
            assert found[kind][name] == thing, f"{kind} {name}"


def test_one_experiment_is_imported_alone_and_files_may_stay(database: str, tmp_path: Path) -> None:
    target = tmp_path / "store"
    done = imported(database, str(target), "--experiment", "gone", "--no-artifacts", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert '"experiments": 1' in done.stdout
    assert '"registered_models": 0' in done.stdout
    assert imported(database, str(target), "--experiment", "nothing").returncode == 3


def test_an_import_without_mlflow_says_what_to_install(database: str, tmp_path: Path) -> None:
    code = "import sys; sys.modules['mlflow'] = None; from trackstream_api.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "import", "mlflow", database, "--dir", str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, env=environment())
    assert done.returncode == 1
    assert "pip install mlflow" in done.stderr
    assert not (tmp_path / "store").exists()
