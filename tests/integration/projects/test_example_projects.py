"""The example projects, and MLflow's own, launched as a user would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.projects import elasticnet_wine
from tests.integration.projects.launching import Launcher, until
from trackstream_api.directory_lock import holder_of

if TYPE_CHECKING:
    from tests.integration.processes import Server

pytestmark = pytest.mark.integration
EXAMPLES = Path(__file__).parents[3] / "examples" / "projects"
LOCAL = ("--env-manager", "local")
UV = ("--env-manager", "uv")
ASK = """
import os, sys, time, urllib.request

while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
address = os.environ["MLFLOW_TRACKING_URI"]
print("answered", address, urllib.request.urlopen(address + "/health").status)
"""


def runs_of(server: Server, name: str) -> list[Any]:
    body = {"experiment_names": [name], "order_by": ["attributes.start_time ASC"]}
    found: list[Any] = server.call("POST", "/api/v1/runs/search", json=body)["runs"]
    return found


@pytest.fixture
def cached(server: Server, tmp_path: Path) -> Launcher:
    """A launcher whose environments outlive the tests: they are installed from the package index."""
    base = os.environ.get("XDG_CACHE_HOME")
    kept = (Path(base) if base else Path.home() / ".cache") / "trackstream" / "tests"
    return Launcher(server.directory, tmp_path, XDG_CACHE_HOME=str(kept))


def test_mlflows_own_example_logs_into_our_run(tmp_path: Path) -> None:
    """On a directory that nobody serves: MLflow's client asks the server that the launch starts."""
    launcher = Launcher(tmp_path / "store", tmp_path)
    project = elasticnet_wine.write(tmp_path / "project")
    shown = launcher.command("run", str(project), "-P", "alpha=0.42", *LOCAL, "--experiment-name", "wine")
    assert "Elasticnet model (alpha=0.420000, l1_ratio=0.100000)" in shown
    # No link to a server that is gone when somebody follows it.
    assert "http://127.0.0.1" not in shown
    # That server has ended with the launch.
    until("the end of the server", lambda: holder_of(launcher.store) is None)
    (run,) = json.loads(launcher.command("runs", "list", "-e", "wine", "--output", "json"))
    assert run["status"] == "FINISHED"
    assert run["params"] == {"alpha": "0.42", "l1_ratio": "0.1"}
    assert set(run["metrics"]) == {"rmse", "r2", "mae"}
    assert run["tags"]["mlflow.project.entryPoint"] == "main"
    (launch,) = json.loads(launcher.command("launches", "list", "--output", "json"))
    assert (launch["state"], launch["run_id"], launch["project"]) == ("finished", run["run_id"], "tutorial")


def test_the_wine_example_in_an_environment_of_its_own(cached: Launcher, server: Server) -> None:
    shown = cached.command("run", str(EXAMPLES / "wine"), "-P", "trees=20", *UV, "--experiment-name", "wine")
    assert "20 trees: accuracy" in shown
    (run,) = runs_of(server, "wine")
    assert run["status"] == "FINISHED"
    assert run["params"] == {"depth": "6", "trees": "20", "test_share": "0.25"}
    assert run["metrics"]["accuracy"]["value"] > 0.8
    assert run["metrics"]["accuracy"]["step"] == 20
    assert run["tags"]["mlflow.project.env"] == "uv"


def test_the_example_of_a_sweep_with_cross_validation(cached: Launcher, server: Server) -> None:
    """Its environment is that of the wine example."""
    given = ["-P", "c=log:0.1:100", "-P", "kernel=choice:rbf,poly", "-P", "folds=3"]
    how = ["--metric", "accuracy", "--maximize", "--trials", "3", "--parallel", "2", "--seed", "1"]
    shown = cached.command("sweep", str(EXAMPLES / "sweep"), *given, *how, *UV, "--experiment-name", "digits")
    assert shown.startswith("best accuracy ")
    runs = runs_of(server, "digits")
    (top,) = [run for run in runs if "trackstream.sweep" in run["tags"]]
    trials = [run for run in runs if run is not top]
    assert len(trials) == 3
    for run in trials:
        assert run["tags"]["mlflow.parentRunId"] == top["run_id"]
        assert run["status"] == "FINISHED"
        assert run["metrics"]["fold_accuracy"]["step"] == 2
        assert run["metrics"]["accuracy_std"]["value"] < 0.2
    best = max(trials, key=lambda run: run["metrics"]["accuracy"]["value"])
    assert top["metrics"]["best.accuracy"]["value"] == best["metrics"]["accuracy"]["value"]
    assert best["metrics"]["accuracy"]["value"] > 0.8


def test_the_example_of_several_steps(launcher: Launcher, server: Server, tmp_path: Path) -> None:
    project = shutil.copytree(
        EXAMPLES / "steps", tmp_path / "steps", ignore=shutil.ignore_patterns("__pycache__")
    )
    commit(project)
    launcher.command("run", str(project), "--experiment-name", "steps", "--run-name", "all")
    runs = {run["name"]: run for run in runs_of(server, "steps")}
    assert set(runs) == {"all", "etl", "train", "evaluate"}
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert runs["evaluate"]["metrics"]["accuracy"]["value"] > 0.8
    top = runs["all"]
    for step in ("etl", "train", "evaluate"):
        assert runs[step]["tags"]["mlflow.parentRunId"] == top["run_id"]
        assert top["tags"][f"step.{step}"] == runs[step]["run_id"]
    (first,) = launches_of(server, top["run_id"])
    (inner,) = launches_of(server, runs["etl"]["run_id"])
    assert inner["parent_launch_id"] == first["launch_id"]

    # Again: what was done is not done again.
    shown = launcher.command("run", str(project), "--experiment-name", "steps", "--run-name", "again")
    assert f"etl: run {runs['etl']['run_id']} (reused)" in shown
    assert f"train: run {runs['train']['run_id']} (reused)" in shown
    names = [run["name"] for run in runs_of(server, "steps")]
    assert sorted(names) == ["again", "all", "etl", "evaluate", "evaluate", "train"]

    # From the command line too, whatever Python has left beside the files.
    (project / "__pycache__").mkdir(exist_ok=True)
    (project / "__pycache__" / "x.pyc").touch()
    reused = ["run", str(project), "-e", "etl", "--reuse", "--detach", "--experiment-name", "steps"]
    assert launcher.command(*reused).strip() == inner["launch_id"]


def commit(project: Path) -> None:
    """Make a git repository of a project."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all of it"]):
        subprocess.run(["git", *identity, *command], cwd=project, check=True, capture_output=True)


def launches_of(server: Server, run_id: str) -> list[Any]:
    found: list[Any] = server.call("GET", "/api/v1/launches", params={"run_id": run_id})["launches"]
    return found


def test_launches_share_the_server_that_they_need(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "store", tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "ask.py").write_text(ASK)
    first = launcher.detached(str(project), "-e", "ask.py", "-P", f"go={tmp_path}/first")
    second = launcher.detached(str(project), "-e", "ask.py", "-P", f"go={tmp_path}/second")
    addresses = []
    for launch_id, name in ((first, "first"), (second, "second")):
        # The second one still has a server when the first, which may have started it, is over.
        (tmp_path / name).touch()
        assert launcher.ended(launch_id)["state"] == "finished"
        printed = (launcher.folder(launch_id) / "output.log").read_text()
        addresses += [line.split()[1] for line in printed.splitlines() if line.startswith("answered ")]
    assert len(addresses) == 2
    assert len(set(addresses)) == 1
    until("the end of the server", lambda: holder_of(launcher.store) is None)
