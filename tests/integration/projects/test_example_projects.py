"""The example projects, and MLflow's own, launched as a user would."""

from __future__ import annotations

import json
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


def test_mlflows_own_example_logs_into_our_run(tmp_path: Path) -> None:
    """On a directory that nobody serves: MLflow's client asks the server that the launch starts."""
    launcher = Launcher(tmp_path / "store", tmp_path)
    project = elasticnet_wine.write(tmp_path / "project")
    shown = launcher.command("run", str(project), "-P", "alpha=0.42", *LOCAL, "--experiment-name", "wine")
    assert "Elasticnet model (alpha=0.420000, l1_ratio=0.100000)" in shown
    # That server has ended with the launch.
    until("the end of the server", lambda: holder_of(launcher.store) is None)
    (run,) = json.loads(launcher.command("runs", "list", "-e", "wine", "--output", "json"))
    assert run["status"] == "FINISHED"
    assert run["params"] == {"alpha": "0.42", "l1_ratio": "0.1"}
    assert set(run["metrics"]) == {"rmse", "r2", "mae"}
    assert run["tags"]["mlflow.project.entryPoint"] == "main"
    (launch,) = json.loads(launcher.command("launches", "list", "--output", "json"))
    assert (launch["state"], launch["run_id"], launch["project"]) == ("finished", run["run_id"], "tutorial")


def test_the_wine_example(launcher: Launcher, server: Server) -> None:
    shown = launcher.command(
        "run", str(EXAMPLES / "wine"), "-P", "trees=20", *LOCAL, "--experiment-name", "wine"
    )
    assert "20 trees: accuracy" in shown
    (run,) = runs_of(server, "wine")
    assert run["status"] == "FINISHED"
    assert run["params"] == {"depth": "6", "trees": "20", "test_share": "0.25"}
    assert run["metrics"]["accuracy"]["value"] > 0.8
    assert run["metrics"]["accuracy"]["step"] == 20


def test_the_example_of_several_steps(launcher: Launcher, server: Server) -> None:
    launcher.command("run", str(EXAMPLES / "steps"), "--experiment-name", "steps", "--run-name", "all")
    runs = {run["name"]: run for run in runs_of(server, "steps")}
    assert set(runs) == {"all", "etl", "train", "evaluate"}
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert runs["evaluate"]["metrics"]["accuracy"]["value"] > 0.8
    top = runs["all"]
    for step in ("etl", "train", "evaluate"):
        assert runs[step]["tags"]["mlflow.parentRunId"] == top["run_id"]
        assert top["tags"][f"step.{step}"] == runs[step]["run_id"]
    launches = server.call("GET", "/api/v1/launches", params={"run_id": top["run_id"]})["launches"]
    (first,) = launches
    (inner,) = server.call("GET", "/api/v1/launches", params={"run_id": runs["etl"]["run_id"]})["launches"]
    assert inner["parent_launch_id"] == first["launch_id"]


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
