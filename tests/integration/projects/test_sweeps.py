"""Sweeps through the command line and from Python, on a served store; killed, cancelled and resumed."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.projects.bowl import make_bowl, pids_in
from tests.integration.projects.launching import gone, kill, until
from trackstream import projects
from trackstream_api.directory_lock import holder_of
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.processes import Server
from tests.integration.projects.launching import Launcher

pytestmark = pytest.mark.integration


@pytest.fixture
def bowl(tmp_path: Path) -> Path:
    """A project whose loss is lowest at x = 0.3 and n = 0, and that fails for n = 1."""
    return make_bowl(tmp_path)


class Swept:
    """A sweep's run and those below it, as the API has them."""

    def __init__(self, server: Server, experiment: str) -> None:
        body = {"experiment_names": [experiment], "order_by": ["attributes.start_time ASC"]}
        runs: list[Any] = server.call("POST", "/api/v1/runs/search", json=body)["runs"]
        (self.top,) = [run for run in runs if "trackstream.sweep" in run["tags"]]
        self.trials = [run for run in runs if run is not self.top]

    def values(self) -> list[tuple[str, ...]]:
        """Return the numbers, statuses and tried values of the trials."""
        found = [
            (run["tags"]["trackstream.sweep.trial"], run["status"], run["tags"]["trackstream.sweep.values"])
            for run in self.trials
        ]
        return sorted(found)


def test_a_sweep_finds_the_best_and_leaves_out_what_fails(
    launcher: Launcher, server: Server, bowl: Path
) -> None:
    given = ["-P", "x=0:1", "-P", "n=choice:0,1", "-P", "secret_token=hunter2"]
    how = [
        "--metric",
        "loss",
        "--trials",
        "7",
        "--parallel",
        "3",
        "--seed",
        "4",
        "--experiment-name",
        "found",
    ]
    shown = launcher.command("sweep", str(bowl), *given, *how)
    swept = Swept(server, "found")
    top = swept.top
    assert len(swept.trials) == 7
    failed = [run for run in swept.trials if run["status"] == "FAILED"]
    assert 0 < len(failed) < 7
    assert all('"n": "1"' in run["tags"]["trackstream.sweep.values"] for run in failed)
    good = [run for run in swept.trials if run["status"] == "FINISHED"]
    best = min(good, key=lambda run: run["metrics"]["loss"]["value"])
    assert top["status"] == "FINISHED"
    assert top["params"] == {"x": "float:0.0:1.0", "n": "choice:0,1", "secret_token": "[redacted]"}
    assert top["metrics"]["best.loss"]["value"] == best["metrics"]["loss"]["value"]
    assert top["tags"]["trackstream.sweep.best_run_id"] == best["run_id"]
    assert top["tags"]["trackstream.sweep.best.x"] == best["params"]["x"]
    assert "hunter2" not in json.dumps([top, *swept.trials])
    assert shown == (
        f"best loss {best['metrics']['loss']['value']!r}: x={best['params']['x']} n=0"
        f" (trial {best['tags']['trackstream.sweep.trial']}, run {best['run_id']})\n"
    )
    path = f"/api/v1/runs/{top['run_id']}/metric-history"
    points = server.call("GET", path, params={"key": "trial.loss"})["points"]
    assert {point["step"]: point["value"] for point in points} == {
        int(run["tags"]["trackstream.sweep.trial"]): run["metrics"]["loss"]["value"] for run in good
    }
    assert {run["tags"]["mlflow.parentRunId"] for run in swept.trials} == {top["run_id"]}


def test_from_python_on_a_directory_that_nobody_serves(
    bowl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("TRACKSTREAM"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = signal.getsignal(signal.SIGTERM)
    told: list[str] = []
    found = projects.sweep(
        str(bowl),
        {"x": "float:0.1:0.3:0.2", "n": "choice:0,1"},
        "loss",
        sampler="grid",
        parallel=4,
        tracking_uri=tmp_path / "store",
        tell=told.append,
    )
    assert [(trial.number, trial.state, dict(trial.values)) for trial in found.trials] == [
        (0, "finished", {"x": "0.1", "n": "0"}),
        (1, "failed", {"x": "0.1", "n": "1"}),
        (2, "finished", {"x": "0.3", "n": "0"}),
        (3, "failed", {"x": "0.3", "n": "1"}),
    ]
    assert (found.best, found.metric) == (found.trials[2], "loss")
    assert found.best.value == 0.0
    assert len(told) == 5
    assert signal.getsignal(signal.SIGTERM) == before
    until("the end of the server", lambda: holder_of(tmp_path / "store") is None)
    with pytest.raises(InvalidInput, match="a sweep asks the store"):
        projects.sweep(str(bowl), {"x": "0:1"}, "loss", tracking_uri=f"offline:{tmp_path}/spool")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["-P", "x=lgo:1:2"], "parameter x: got 'lgo:1:2'"),
        (["-P", "x=choice:a,b"], "parameter x: got 'a', expected a number"),
        (["-P", "x=0:1", "-P", "n=0:1"], "parameter n: got '0.0', expected a whole number"),
        (["-P", "n=choice:0,1"], "parameter x of main"),
        (["-P", "x=0:1", "-e", "mian"], "did you mean 'main'?"),
        (["-P", "x=0:1", "--sampler", "grid"], "for a grid"),
        (["-P", "x=7"], "at least one parameter to try"),
    ],
)
def test_what_can_never_run_is_refused_before_it_is_recorded(
    launcher: Launcher, server: Server, bowl: Path, given: list[str], told: str
) -> None:
    refused = launcher.command(
        "sweep", str(bowl), *given, "--metric", "loss", "--experiment-name", "no", code=2
    )
    assert told in refused
    assert server.call("GET", "/api/v1/experiments", params={"name": "no"})["experiments"] == []


def test_a_project_that_always_fails_is_given_up(launcher: Launcher, server: Server, bowl: Path) -> None:
    given = ["-P", "x=0:1", "-P", "n=1", "--metric", "loss", "--sampler", "random", "--parallel", "3"]
    told = launcher.command("sweep", str(bowl), *given, "--experiment-name", "failing", code=1)
    assert "none of" in told
    assert "exit code 3" in told
    swept = Swept(server, "failing")
    assert swept.top["status"] == "FAILED"
    # Those that ran beside the fifth may be more.
    assert 5 <= len(swept.trials) <= 8
    assert "RUNNING" not in {run["status"] for run in swept.trials}


def test_a_sweep_that_is_cancelled_takes_its_trials_with_it(
    launcher: Launcher, server: Server, bowl: Path, tmp_path: Path
) -> None:
    (tmp_path / "wait").touch()
    given = ["-P", "x=0:1", "-P", f"place={tmp_path}", "--metric", "loss", "--trials", "4", "--parallel", "2"]
    process = launcher.start("sweep", str(bowl), *given, "--experiment-name", "cancelled")
    until("two trials", lambda: len(pids_in(tmp_path)) == 2)
    pids = pids_in(tmp_path)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    assert "SIGTERM; no trial has given loss yet" in printed
    swept = Swept(server, "cancelled")
    assert f"`trackstream sweep --resume {swept.top['run_id']}` goes on with it" in printed
    assert swept.top["status"] == "KILLED"
    assert [run["status"] for run in swept.trials] == ["KILLED", "KILLED"]
    until("the end of the programs", lambda: gone(pids))

    # What was cancelled is tried again, with the same values.
    (tmp_path / "go").touch()
    launcher.command("sweep", "--resume", swept.top["run_id"])
    again = Swept(server, "cancelled")
    assert again.top["status"] == "FINISHED"
    finished = [one for one in again.values() if one[1] == "FINISHED"]
    assert [number for number, *_ in finished] == ["0", "1", "2", "3"]
    assert {one[2] for one in swept.values()} <= {one[2] for one in finished}
    assert len(again.trials) == 6


def test_a_sweep_that_was_killed_is_resumed(
    launcher: Launcher, server: Server, bowl: Path, tmp_path: Path
) -> None:
    (tmp_path / "wait").touch()
    given = ["-P", "x=0:1", "-P", f"place={tmp_path}", "-P", "n=choice:0,2", "--metric", "loss"]
    how = ["--sampler", "random", "--seed", "11", "--trials", "4", "--parallel", "2"]
    process = launcher.start("sweep", str(bowl), *given, *how, "--experiment-name", "killed")
    until("two trials", lambda: len(pids_in(tmp_path)) == 2)
    run_id = Swept(server, "killed").top["run_id"]
    told = launcher.command("sweep", "--resume", run_id, code=4)
    assert "goes on in another process" in told
    kill(process.pid)
    process.communicate(timeout=120)

    # Its trials go on, and are not begun anew.
    resumed = launcher.start("sweep", "--resume", run_id[:20], "--parallel", "1")
    (tmp_path / "go").touch()
    printed, _ = resumed.communicate(timeout=240)
    assert resumed.returncode == 0, printed
    swept = Swept(server, "killed")
    assert swept.top["status"] == "FINISHED"
    assert [(number, status) for number, status, _ in swept.values()] == [
        (str(number), "FINISHED") for number in range(4)
    ]
    best = min(swept.trials, key=lambda run: run["metrics"]["loss"]["value"])
    assert swept.top["tags"]["trackstream.sweep.best_run_id"] == best["run_id"]
    path = f"/api/v1/runs/{run_id}/metric-history"
    points = server.call("GET", path, params={"key": "trial.loss"})["points"]
    assert sorted(point["step"] for point in points) == [0, 1, 2, 3]

    # The same seed tries the same, killed or not; and what is over can be made longer.
    whole = launcher.command("sweep", str(bowl), *given, *how, "--experiment-name", "whole")
    assert f"x={swept.top['tags']['trackstream.sweep.best.x']} " in whole
    assert Swept(server, "whole").values() == swept.values()
    launcher.command("sweep", "--resume", run_id, "--trials", "5")
    assert len(Swept(server, "killed").trials) == 5
    refused = launcher.command("sweep", "--resume", run_id, "--metric", "x", code=2)
    assert "none beside --resume" in refused
    assert "not the run of a sweep" in launcher.command("sweep", "--resume", best["run_id"], code=4)
