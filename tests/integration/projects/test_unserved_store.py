"""Launches on a directory that nobody serves: each finds a server, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.bowl import make_bowl, pids_in
from tests.integration.projects.launching import Launcher, kill, until
from tests.integration.projects.queueing import Worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_a_launch_of_a_queue_is_executed_and_repeated(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "store", tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.sh").write_text('echo "asks $MLFLOW_TRACKING_URI"\n')
    first = launcher.detached(str(project), "-e", "main.sh", "--queue")
    # Its files come from the store.
    (project / "main.sh").unlink()
    worker = Worker(launcher)
    until("the end of the launch", lambda: first in worker.said("ended"))
    # Who asks waits, without keeping the directory from the launch's server.
    assert "asks http://127.0.0.1:" in launcher.command("launches", "retry", first)
    worker.ask_to_stop()
    assert worker.wait(120) == 0, worker.output()
    assert len(worker.said("ended")) == 2


def test_a_sweep_that_was_killed_is_resumed_by_a_part_of_its_id(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "store", tmp_path)
    (tmp_path / "wait").touch()
    given = ["-P", "x=0:1", "-P", f"place={tmp_path}", "--metric", "loss", "--trials", "2"]
    process = launcher.start("sweep", str(make_bowl(tmp_path)), *given)
    until("a trial", lambda: pids_in(tmp_path))
    kill(process.pid)
    printed, _ = process.communicate(timeout=120)
    run_id = printed.partition("sweep ")[2].split()[0]
    (tmp_path / "go").touch()
    assert "best loss" in launcher.command("sweep", "--resume", run_id[:20])
    assert "RuntimeWarning" not in (launcher.folder("x").parent / ".server.log").read_text()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "store", tmp_path)
    launcher.command("experiments", "create", "one")
    (tmp_path / "store" / "log.db").write_bytes(b"no database" * 1000)
    told = launcher.command("sweep", "--resume", "0" * 20, code=5)
    assert "no server can be started" in told
    assert "not a database" in told
