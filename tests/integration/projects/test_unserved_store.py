"""Launches on a directory that nobody serves: each finds a server, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.launching import Launcher, until
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
