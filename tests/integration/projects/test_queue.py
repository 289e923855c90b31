"""Launches that workers take from a queue: each is executed once, whoever is killed."""

from __future__ import annotations

import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.projects.launching import Launcher, gone, until
from tests.integration.projects.queueing import Counting, Worker
from trackstream import projects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Waiting

pytestmark = pytest.mark.integration


def launch(server: Server, launch_id: str) -> Any:
    return server.call("GET", f"/api/v1/launches/{launch_id}")


def run_status(server: Server, launch_id: str) -> str:
    run_id = launch(server, launch_id)["run_id"]
    return str(server.call("GET", f"/api/v1/runs/{run_id}")["status"])


def ask(launcher: Launcher, waiting: Waiting, queue: str, max_attempts: int = 3) -> str:
    """Put a launch of the project that waits into a queue."""
    return projects.run(
        str(waiting.path),
        parameters={"place": waiting.place},
        queue=queue,
        max_attempts=max_attempts,
        synchronous=False,
        tracking_uri=launcher.store,
    ).launch_id


def again(waiting: Waiting) -> None:
    """Let the next program wait."""
    (waiting.place / "go").unlink()
    (waiting.place / "started").unlink()


def elsewhere(launcher: Launcher, place: Path, **variables: str) -> Launcher:
    """The same store seen from another machine: nothing else is shared."""
    place.mkdir()
    return Launcher(launcher.store, place, **variables)


def test_two_workers_execute_each_launch_once(launcher: Launcher, server: Server, tmp_path: Path) -> None:
    """One reads the log, the other asks the server. Each has a directory of its own for launches."""
    counting = Counting(tmp_path)
    asked = [
        projects.run(
            str(counting.path),
            parameters={"place": tmp_path, "number": number},
            env_manager="local",
            queue="many",
            synchronous=False,
            tracking_uri=launcher.store,
        ).launch_id
        for number in range(12)
    ]
    other = elsewhere(launcher, tmp_path / "other", TRACKSTREAM_URI=server.url)
    workers = [
        Worker(launcher, "--queue", "many", "--drain", "--parallel", "2"),
        Worker(other, "--queue", "many", "--drain", "--parallel", "2"),
    ]
    assert [worker.wait(300) for worker in workers] == [0, 0], [worker.output() for worker in workers]
    assert counting.done() == list(range(12))
    executed = [worker.said("ended") for worker in workers]
    assert sorted(executed[0] + executed[1]) == sorted(asked)
    for launch_id in asked:
        found = launch(server, launch_id)
        assert (found["state"], found["attempts"], found["project"]) == ("finished", 1, "counting")
        assert found["source"] == str(counting.path)


def test_a_killed_worker_s_launch_is_done_by_another(
    launcher: Launcher, waiting: Waiting, server: Server, tmp_path: Path
) -> None:
    """On another machine, which knows of the death only because nothing is heard any more."""
    launch_id = ask(launcher, waiting, "killed")
    dying = elsewhere(launcher, tmp_path / "dying", TRACKSTREAM_LAUNCH_HEARTBEAT_S="4")
    first = Worker(dying, "--queue", "killed")
    pids = waiting.started()
    first.kill()
    until("the end of the first program", lambda: gone(pids))
    (waiting.place / "started").unlink()
    # It does not end while somebody has a launch who may be dead.
    second = Worker(elsewhere(launcher, tmp_path / "living"), "--queue", "killed", "--drain")
    waiting.started()
    waiting.go()
    found = launcher.ended(launch_id)
    assert second.wait(120) == 0, second.output()
    assert (found["state"], found["exit_code"], found["attempts"]) == ("finished", 0, 2)
    assert run_status(server, launch_id) == "FINISHED"
    history = server.call("GET", f"/api/v1/history/launches/{launch_id}")["entries"]
    kinds = [entry["type"] for entry in history if entry["type"] in ("LaunchClaimed", "LaunchLost")]
    assert kinds == ["LaunchClaimed", "LaunchLost", "LaunchClaimed"]


def test_a_worker_that_is_cut_off_gives_up_what_others_may_take(
    launcher: Launcher, waiting: Waiting, server: Server, tmp_path: Path
) -> None:
    launch_id = ask(launcher, waiting, "cut off")
    cut_off = elsewhere(launcher, tmp_path / "cut off", TRACKSTREAM_LAUNCH_HEARTBEAT_S="4")
    worker = Worker(cut_off, "--queue", "cut off")
    pids = waiting.started()
    # The log takes nothing.
    log = sqlite3.connect(launcher.store / "log.db", isolation_level=None)
    log.execute("BEGIN IMMEDIATE")
    try:
        until("the end of the program", lambda: gone(pids))
        (waiting.place / "started").unlink()
    finally:
        log.execute("ROLLBACK")
        log.close()
    waiting.started()
    waiting.go()
    until("the end", lambda: launch(server, launch_id)["state"] == "finished")
    assert launch(server, launch_id)["attempts"] == 2
    worker.ask_to_stop()
    assert worker.wait(120) == 0, worker.output()
    assert worker.said("gave") == ["up"]


def test_attempts_that_are_used_up(launcher: Launcher, waiting: Waiting, server: Server) -> None:
    """On the same machine the next worker knows at once that the one before is dead."""
    launch_id = ask(launcher, waiting, "once", 1)
    first = Worker(launcher, "--queue", "once")
    pids = waiting.started()
    first.kill()
    until("the end of the program", lambda: gone(pids))
    second = Worker(launcher, "--queue", "once", "--drain")
    assert second.wait(120) == 0, second.output()
    assert second.said("claimed") == []
    found = launch(server, launch_id)
    assert (found["state"], found["lost"], found["attempts"]) == ("failed", True, 1)
    assert "launcher lost" in found["reason"]
    assert run_status(server, launch_id) == "FAILED"


def test_stopping_a_worker(launcher: Launcher, waiting: Waiting, server: Server) -> None:
    """Asked once it finishes what it has, asked twice it cancels that; the rest stays in the queue."""
    first, second = ask(launcher, waiting, "stopped"), ask(launcher, waiting, "stopped")
    assert launcher.command("launches", "list", "--state", "requested").count(" stopped ") == 2
    worker = Worker(launcher, "--queue", "stopped")
    waiting.started()
    worker.send(signal.SIGTERM)
    waiting.go()
    assert worker.wait(120) == 0, worker.output()
    assert (launch(server, first)["state"], launch(server, second)["state"]) == ("finished", "requested")
    assert run_status(server, second) == "SCHEDULED"
    again(waiting)
    worker = Worker(launcher, "--queue", "stopped")
    waiting.started()
    worker.send(signal.SIGTERM)
    worker.send(signal.SIGINT)
    assert worker.wait(120) == 0, worker.output()
    assert launch(server, second)["state"] == "cancelled"
    assert (run_status(server, first), run_status(server, second)) == ("FINISHED", "KILLED")


def test_cancelling_and_waiting(launcher: Launcher, waiting: Waiting, server: Server, tmp_path: Path) -> None:
    never = ask(launcher, waiting, "asked")
    server.call("POST", f"/api/v1/launches/{never}/cancel")
    assert (launch(server, never)["state"], run_status(server, never)) == ("cancelled", "KILLED")
    # By a worker that knows the server only. Who asks waits, and sees what is printed elsewhere.
    worker = Worker(elsewhere(launcher, tmp_path / "far", TRACKSTREAM_URI=server.url), "--queue", "asked")
    waits = launcher.start("run", *waiting.arguments(), "--queue", "asked", "--dir", server.url)
    waiting.started()
    waiting.go()
    printed, _ = waits.communicate(timeout=120)
    assert waits.returncode == 0, printed
    assert "begun with 0" in printed
    assert "attempt 1 of 3" in printed
    again(waiting)
    launch_id = ask(launcher, waiting, "asked")
    waiting.started()
    server.call("POST", f"/api/v1/launches/{launch_id}/cancel")
    until("the end", lambda: launch(server, launch_id)["state"] == "cancelled")
    assert (waiting.place / "asked").exists()
    worker.ask_to_stop()
    assert worker.wait(120) == 0, worker.output()
    assert launch_id in worker.said("claimed")
    assert never not in worker.said("claimed")
