"""Launchers that are killed: the launch ends truthfully, and nothing runs on unrecorded or twice."""

from __future__ import annotations

import socket
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.launching import gone, kill, until
from trackstream.client import Client
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Launcher, Waiting

pytestmark = pytest.mark.integration


def test_who_asked_is_killed_and_the_launch_goes_on(
    launcher: Launcher, waiting: Waiting, server: Server
) -> None:
    asking = launcher.start("run", *waiting.arguments())
    waiting.started()
    asking.kill()
    asking.communicate()
    launch_id = launcher.the_one_folder().name
    assert launcher.describe(launch_id)["state"] == "running"
    waiting.go()
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["exit_code"], launch["attempts"]) == ("finished", 0, 1)
    assert server.call("GET", f"/api/v1/runs/{launch['run_id']}")["status"] == "FINISHED"


def test_the_launcher_is_killed_while_the_program_runs(
    launcher: Launcher, waiting: Waiting, server: Server
) -> None:
    asking = launcher.start("run", *waiting.arguments())
    pids = waiting.started()
    launch_id = launcher.the_one_folder().name
    kill(launcher.supervisor(launch_id))
    # All of the program ends with it.
    until("the end of the program", lambda: gone(pids))
    printed, _ = asking.communicate(timeout=120)
    assert asking.returncode == 1
    assert "launcher lost" in printed
    launch = launcher.describe(launch_id)
    assert (launch["state"], launch["lost"], launch["attempts"]) == ("failed", True, 1)
    assert "launcher lost" in launch["reason"]
    assert server.call("GET", f"/api/v1/runs/{launch['run_id']}")["status"] == "FAILED"
    assert "begun with 0" in server.client.get(f"/api/v1/launches/{launch_id}/logs").text


def test_all_are_killed_and_the_next_command_tells(launcher: Launcher, waiting: Waiting) -> None:
    launch_id = launcher.detached(*waiting.arguments())
    pids = waiting.started()
    kill(launcher.supervisor(launch_id))
    until("the end of the program", lambda: gone(pids))
    assert launcher.describe(launch_id)["state"] == "failed"
    shown = launcher.command("launches", "list", "--state", "running")
    assert launch_id not in shown


DATA_PROJECT = """
name: data
entry_points:
  main:
    parameters: {data: path}
    command: "cat {data}"
"""
APART_PROJECT = """
name: apart
entry_points:
  main:
    parameters: {told: string}
    command: "python apart.py {told}"
"""
APART = """
import os, subprocess, sys, time
apart = subprocess.Popen(["setsid", "sleep", "86400"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{apart.pid} {os.getpid()}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(86400)
"""


@pytest.mark.parametrize("how", ["kill", "cancel"])
def test_what_has_left_the_programs_group_ends_with_it(launcher: Launcher, tmp_path: Path, how: str) -> None:
    project, told = tmp_path / "apart", tmp_path / "pids"
    project.mkdir()
    (project / "MLproject").write_text(APART_PROJECT)
    (project / "apart.py").write_text(APART)
    launch_id = launcher.detached(str(project), "-P", f"told={told}")
    until("the program", told.exists)
    pids = [int(pid) for pid in told.read_text().split()]
    if how == "kill":
        kill(launcher.supervisor(launch_id))
    else:
        launcher.command("launches", "cancel", launch_id)
    until("the end of the processes", lambda: gone(pids))
    assert launcher.ended(launch_id)["state"] == ("failed" if how == "kill" else "cancelled")


def test_the_launcher_is_killed_while_it_prepares(launcher: Launcher, tmp_path: Path) -> None:
    git = hanging_git(launcher, tmp_path)
    launch_id = launcher.detached("ssh://git@nowhere.invalid/x.git")
    until("git", git.exists)
    assert launcher.describe(launch_id)["state"] == "preparing"
    kill(launcher.supervisor(launch_id))
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["lost"], launch["started_at"]) == ("failed", True, None)
    until("the end of git", lambda: gone([int(git.read_text())]))


def test_it_is_cancelled_while_it_prepares(launcher: Launcher, tmp_path: Path) -> None:
    git = hanging_git(launcher, tmp_path)
    launch_id = launcher.detached("ssh://git@nowhere.invalid/x.git")
    until("git", git.exists)
    launcher.command("launches", "cancel", launch_id)
    assert launcher.ended(launch_id)["state"] == "cancelled"
    until("the end of git", lambda: gone([int(git.read_text())]))


def test_it_is_cancelled_while_a_download_hardly_moves(launcher: Launcher, tmp_path: Path) -> None:
    project = tmp_path / "data"
    project.mkdir()
    (project / "MLproject").write_text(DATA_PROJECT)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/data.csv"
        launch_id = launcher.detached(str(project), "-P", f"data={address}")
        connection, _ = listening.accept()
        with connection:
            # The rest never comes.
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
            supervisor = launcher.supervisor(launch_id)
            launcher.command("launches", "cancel", launch_id)
            assert launcher.ended(launch_id)["state"] == "cancelled"
            until("the end of the launcher", lambda: gone([supervisor]))


def hanging_git(launcher: Launcher, place: Path) -> Path:
    """Let git wait for ever once it asks a host; returns the file that then has the waiting process's id."""
    script, told = place / "ssh.sh", place / "asked"
    script.write_text(f"#!/bin/sh\necho $$ > {told}.new\nmv {told}.new {told}\nexec sleep 86400\n")
    script.chmod(0o755)
    launcher.variables["GIT_SSH_COMMAND"] = str(script)
    return told


def test_the_launcher_is_killed_while_it_finishes(launcher: Launcher, waiting: Waiting) -> None:
    launch_id = launcher.detached(*waiting.arguments(code=5))
    waiting.started()
    # The log takes nothing while the program ends, so that the launcher knows the end and cannot say it.
    log = sqlite3.connect(launcher.store / "log.db", isolation_level=None)
    log.execute("BEGIN IMMEDIATE")
    try:
        waiting.go()
        until("the end", (launcher.folder(launch_id) / "end.json").exists)
        kill(launcher.supervisor(launch_id))
    finally:
        log.execute("ROLLBACK")
        log.close()
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["exit_code"], launch["lost"]) == ("failed", 5, False)
    assert "exit code 5" in launch["reason"]


def test_nothing_is_executed_that_is_not_on_the_log(launcher: Launcher, waiting: Waiting) -> None:
    """The launcher is killed between making the program's process and letting it go."""
    log = None
    try:
        launch_id = launcher.detached(*waiting.arguments())
        output = launcher.folder(launch_id) / "output.log"
        # Its command is told last before it is started; from here on the log takes nothing.
        until("the command", lambda: "wait.sh" in output.read_text() or (waiting.place / "started").exists())
        log = sqlite3.connect(launcher.store / "log.db", isolation_level=None)
        log.execute("BEGIN IMMEDIATE")
        recorded = log.execute(
            'SELECT count(*) FROM "trackstream.launches" WHERE key = ?', (launch_id,)
        ).fetchone()[0]
        kill(launcher.supervisor(launch_id))
    finally:
        if log is not None:
            log.execute("ROLLBACK")
            log.close()
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["lost"]) == ("failed", True)
    # Requested, claimed, prepared: without the fourth event, its start, nothing has run.
    if recorded < 4:
        assert not (waiting.place / "started").exists()


def test_a_launcher_of_which_nothing_is_heard_is_lost(server: Server) -> None:
    launch_id, run_id = new_id(), new_id()
    client = Client(server.directory)
    client.producer.emit_and_wait(
        [
            e.RunStarted(run_id, "0", "on another machine", 1),
            e.LaunchRequested(launch_id, run_id, "0", "/x", "main", "local"),
            e.LaunchClaimed(launch_id, "claim", "another machine", 1, 0.1),
            e.LaunchStarted(launch_id, "claim", "process 2 on another machine", "x"),
        ]
    )
    server.wait_until_current()
    path = f"/api/v1/launches/{launch_id}"
    launch = until(
        "three heartbeats that do not come",
        lambda: (
            found if (found := server.call("GET", path, params={"consistency": "eventual"}))["lost"] else None
        ),
    )
    assert launch["state"] == "failed"
    query = "SELECT state, reason FROM v_launches WHERE launch_id = {id:String}"
    assert server.sql(query, id=launch_id).to_pylist() == [{"state": "failed", "reason": launch["reason"]}]
    # A read with the usual consistency records it, once.
    assert server.call("GET", path)["lost"]
    assert server.call("GET", path)["conflicts"] == []
    assert server.call("GET", f"/api/v1/runs/{run_id}")["status"] == "FAILED"
    history = server.call("GET", f"/api/v1/history/launches/{launch_id}")["entries"]
    assert [entry["type"] for entry in history][-1] == "LaunchLost"
    # It was only cut off, and tells how it ended.
    client.producer.emit_and_wait([e.LaunchEnded(launch_id, "claim", "finished", 0)])
    client.close()
    assert server.call("GET", path)["state"] == "finished"
