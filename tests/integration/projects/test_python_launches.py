"""`trackstream.projects.run` from Python, on a served store."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

import trackstream
from tests.integration.projects.launching import until
from trackstream import destination, projects, sessions
from trackstream.projects import LaunchCancelled, LaunchFailed, SubmittedRun
from trackstream.projects.launch import raise_unless_finished
from trackstream_schemas.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Waiting

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _here(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("TRACKSTREAM"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(destination, "_uri", str(server.directory))
    monkeypatch.setattr(destination, "_settings", None)
    monkeypatch.setattr(sessions, "_clients", {})
    monkeypatch.setattr(sessions, "experiment", sessions.ActiveExperiment())
    yield
    for opened in sessions.clients():
        opened.close(20)


def launch(waiting: Waiting, code: int = 0, **options: object) -> SubmittedRun:
    parameters = {"place": str(waiting.place), "code": code}
    return projects.run(str(waiting.path), parameters=parameters, **options)  # type: ignore[arg-type]


def test_it_waits_and_tells(waiting: Waiting, server: Server) -> None:
    submitted = launch(waiting, synchronous=False, experiment_name="from python")
    waiting.started()
    assert submitted.get_status() == "RUNNING"
    assert submitted.wait(0.01) is False
    waiting.go()
    assert submitted.wait() is True
    assert submitted.get_status() == "FINISHED"
    run = server.call("GET", f"/api/v1/runs/{submitted.run_id}")
    assert (run["status"], run["experiment_name"]) == ("FINISHED", "from python")


def test_a_failure_is_raised_with_its_reason(waiting: Waiting) -> None:
    waiting.go()
    with pytest.raises(LaunchFailed, match="exit code 4") as caught:
        launch(waiting, code=4)
    assert caught.value.run_id


def test_it_is_cancelled(waiting: Waiting) -> None:
    submitted = launch(waiting, synchronous=False)
    waiting.started()
    ids = f"launch_id='{submitted.launch_id}' run_id='{submitted.run_id}'"
    assert repr(submitted) == f"<SubmittedRun {ids} status=RUNNING>"
    submitted.cancel()
    assert submitted.wait() is False
    assert submitted.get_status() == "KILLED"
    assert repr(submitted) == f"<SubmittedRun {ids} status=KILLED>"


def test_it_is_cancelled_before_it_has_begun(waiting: Waiting) -> None:
    submitted = launch(waiting, synchronous=False)
    submitted.cancel()
    assert submitted.wait() is False
    assert submitted.get_status() == "KILLED"


def test_a_cancelled_launch_is_an_error_for_who_waits(waiting: Waiting) -> None:
    submitted = launch(waiting, synchronous=False)
    waiting.started()
    submitted.send(signal.SIGTERM)
    with pytest.raises(LaunchCancelled, match="SIGTERM"):
        raise_unless_finished(submitted)


def test_it_logs_into_the_run_that_is_given(waiting: Waiting, server: Server) -> None:
    client = trackstream.Client(server.directory)
    run = client.create_run(run_name="mine")
    client.close()
    waiting.go()
    submitted = launch(waiting, run_id=run.run_id)
    assert submitted.run_id == run.run_id
    found = server.call("GET", f"/api/v1/runs/{run.run_id}")
    assert (found["name"], found["status"]) == ("mine", "FINISHED")
    assert found["tags"]["trackstream.launch_id"] == submitted.launch_id


def test_the_active_run_becomes_its_parent(waiting: Waiting, server: Server) -> None:
    waiting.go()
    with trackstream.start_run() as parent:
        submitted = launch(waiting)
    found = server.call("GET", f"/api/v1/runs/{submitted.run_id}")
    assert found["tags"]["mlflow.parentRunId"] == parent.run_id


def test_what_cannot_be_launched(waiting: Waiting, server: Server) -> None:
    with pytest.raises(NotFound, match="no run with id"):
        launch(waiting, run_id="f" * 32)
    with pytest.raises(NotFound, match="no experiment with id"):
        launch(waiting, experiment_id="77")
    with pytest.raises(InvalidInput, match="at most one of the two"):
        launch(waiting, experiment_id="0", experiment_name="x")
    with pytest.raises(InvalidInput, match="backend: got 'nowhere'"):
        launch(waiting, backend="nowhere")
    with pytest.raises(InvalidInput, match="nothing for the local backend"):
        launch(waiting, backend_config={"cpus": 1})
    experiment_id = server.call("POST", "/api/v1/experiments", json={"name": "gone"})["experiment_id"]
    server.client.delete(f"/api/v1/experiments/{experiment_id}")
    with pytest.raises(Conflict, match="deleted"):
        launch(waiting, experiment_name="gone")
    folders = waiting.place / "state" / "trackstream" / "launches"
    assert not folders.exists()


def test_signals_that_do_not_end_it_are_passed_on(tmp_path: Path) -> None:
    project = tmp_path / "told"
    project.mkdir()
    script = f"trap 'touch {tmp_path}/told-so; exit 0' USR1\ntouch {tmp_path}/ready\n"
    script += "while :; do sleep 0.05; done\n"
    (project / "main.sh").write_text(script)
    submitted = projects.run(str(project), "main.sh", synchronous=False)
    until("the program", (tmp_path / "ready").exists)
    submitted.send(signal.SIGUSR1)
    assert submitted.wait() is True
    assert (tmp_path / "told-so").exists()
