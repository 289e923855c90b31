"""Launches from the request to the end, through the command line, on a real store."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.launching import gone, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Launcher, Waiting

pytestmark = pytest.mark.integration

HELLO = """
name: hello
entry_points:
  main:
    parameters: {text: string, api_key: string, n: {type: int, default: 3}}
    command: "python hello.py {text} {n} {api_key}"
"""


def test_a_launch_that_finishes(launcher: Launcher, server: Server, tmp_path: Path) -> None:
    project = tmp_path / "hello"
    project.mkdir()
    (project / "MLproject").write_text(HELLO)
    (project / "hello.py").write_text(
        "import sys, trackstream\n"
        "print('got', sys.argv[1:])\n"
        "with trackstream.start_run():\n"
        "    trackstream.log_metric('n', int(sys.argv[2]))\n"
    )
    given = ["-P", "text=it's $(touch pwned)", "-P", "api_key=hunter2", "-P", "extra=1"]
    shown = launcher.command(
        "run", str(project), *given, "--experiment-name", "greetings", "--run-name", "hi"
    )
    assert "got [\"it's $(touch pwned)\", '3', 'hunter2', '--extra', '1']" in shown
    assert sorted(path.name for path in project.iterdir()) == ["MLproject", "hello.py"]

    (listed,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    launch = server.call("GET", f"/api/v1/launches/{listed['launch_id']}")
    assert launch == listed
    assert (launch["state"], launch["exit_code"], launch["project"]) == ("finished", 0, "hello")
    assert (launch["environment"], launch["attempts"], launch["lost"]) == ("local", 1, False)
    assert launch["parameters"] == {"text": "it's $(touch pwned)", "api_key": "[redacted]", "extra": "1"}
    assert launch["uri"] == str(project)
    assert "hunter2" not in json.dumps(launch)

    run = server.call("GET", f"/api/v1/runs/{launch['run_id']}")
    assert (run["status"], run["name"], run["experiment_name"]) == ("FINISHED", "hi", "greetings")
    assert run["metrics"]["n"]["value"] == 3
    assert run["params"] == {"text": "it's $(touch pwned)", "n": "3", "api_key": "[redacted]", "extra": "1"}
    assert run["tags"]["mlflow.source.type"] == "PROJECT"
    assert run["tags"]["trackstream.launch_id"] == launch["launch_id"]
    assert run["conflicts"] == []

    # What it printed is an artifact of the run; it, and not the log, has the secret that the program printed.
    log = server.client.get(f"/api/v1/launches/{launch['launch_id']}/logs")
    assert log.text == launcher.command("launches", "logs", launch["launch_id"][-10:])
    assert "got [" in log.text
    launcher.folder(launch["launch_id"]).joinpath("output.log").unlink()
    assert launcher.command("launches", "logs", "-f", launch["launch_id"]) == log.text

    steps = [
        entry["type"]
        for entry in json.loads(
            launcher.command("history", "launch", launch["launch_id"], "--output", "json")
        )
    ]
    assert steps == ["LaunchRequested", "LaunchClaimed", "LaunchPrepared", "LaunchStarted", "LaunchEnded"]
    # A part of its id is enough, as `launches list` shows it.
    short = launcher.command("launches", "list", "-n", "1").splitlines()[1].split()[0]
    assert launch["launch_id"].startswith(short)
    assert len(short) < 32
    described = launcher.command("launches", "describe", short)
    lines = [line.split(maxsplit=1) for line in described.splitlines()]
    assert ["Launch"] in lines
    assert ["state", "finished"] in lines
    assert ["n", "3"] not in lines
    assert ["extra", "1"] in lines
    assert "no launch whose id is" in launcher.command("launches", "describe", "ffffffff", code=3)
    rows = server.sql(
        "SELECT state, exit_code, project FROM v_launches WHERE launch_id = {id:String}",
        id=launch["launch_id"],
    ).to_pylist()
    assert rows == [{"state": "finished", "exit_code": 0, "project": "hello"}]
    assert not (launcher.folder(launch["launch_id"]) / "spec.json").exists()


@pytest.mark.parametrize(
    ("project", "told"),
    [
        ('entry_points:\n  main:\n    command: "exit 3"\n', "exit code 3"),
        ('entry_points:\n  main:\n    command: "kill -9 $$"\n', "SIGKILL"),
        ("docker_env: {image: x}\nentry_points: {main: {command: x}}\n", "docker_env"),
        ("python_env: env.yaml\nentry_points: {main: {command: x}}\n", "no python2.6"),
    ],
)
def test_a_launch_that_fails_says_why(
    launcher: Launcher, server: Server, tmp_path: Path, project: str, told: str
) -> None:
    (tmp_path / "env.yaml").write_text('python: "2.6"\n')
    (tmp_path / "MLproject").write_text(project)
    assert launcher.command("run", str(tmp_path), code=1).count(told) == 1
    (launch,) = server.call("GET", "/api/v1/launches", params={"limit": 1})["launches"]
    assert launch["state"] == "failed"
    assert told in launch["reason"]
    assert server.call("GET", f"/api/v1/runs/{launch['run_id']}")["status"] == "FAILED"
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("project", "arguments", "told"),
    [
        ('entry_points:\n  main:\n    command: "x {y}"\n', [], "MLproject:3:"),
        ("a: !!python/object/apply:os.system ['touch pwned']\n", [], "MLproject:1: YAML tag"),
        ("entry_points: {mian: {command: x}}\n", [], "expected one of mian; did you mean 'mian'?"),
        (HELLO, ["-P", "text=a"], "parameter api_key of main is missing"),
        (HELLO, ["-P", "text=a", "-P", "api-key=b"], "'api-key' was given, did you mean 'api_key'?"),
        (HELLO, ["-P", "text=a", "-P", "api_key=b", "-P", "n=many"], "parameter n: got 'many'"),
    ],
)
def test_what_can_never_run_is_refused_before_it_is_recorded(
    launcher: Launcher, server: Server, tmp_path: Path, project: str, arguments: list[str], told: str
) -> None:
    (tmp_path / "MLproject").write_text(project)
    body = {"experiment_ids": ["0"], "limit": 1000}
    before = server.call("GET", "/api/v1/launches"), server.call("POST", "/api/v1/runs/search", json=body)
    assert told in launcher.command("run", str(tmp_path), *arguments, code=2)
    after = server.call("GET", "/api/v1/launches"), server.call("POST", "/api/v1/runs/search", json=body)
    assert after == before
    assert not (tmp_path / "pwned").exists()
    assert not (tmp_path / "state").exists()


def test_a_slip_of_the_pen_is_passed_on_and_told(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text(
        'entry_points: {main: {parameters: {depth: {default: "1"}}, command: "echo got {depth}"}}\n'
    )
    process = launcher.start("run", str(tmp_path), "-P", "dpeth=2", "-P", "verbose=1")
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    assert "got 1 --dpeth 2 --verbose 1" in printed
    assert (
        "parameter dpeth is not declared by main and is passed on as --dpeth; did you mean 'depth'?"
        in printed
    )
    assert "parameter verbose" not in printed
    assert "`trackstream runs describe " in printed


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-oProxyCommand=touch pwned"], 2, "No such option"),
        (["--", "-oProxyCommand=touch pwned"], 2, "must not begin with a dash"),
        (["nowhere"], 3, "no project"),
        (["."], 2, "backend: got 'slurm', expected one of "),
        (["."], 2, "runs in no container"),
        (["."], 3, "no experiment with id"),
        (["."], 3, "no run with id"),
    ],
)
def test_what_is_wrong_before_the_launch_is_told_at_once(
    launcher: Launcher, server: Server, waiting: Waiting, arguments: list[str], code: int, told: str
) -> None:
    further = {
        "backend: got 'slurm', expected one of ": ["--backend", "slurm"],
        "runs in no container": ["-A", "gpus=all"],
        "no experiment with id": ["--experiment-id", "77"],
        "no run with id": ["--run-id", "77"],
    }.get(told, [])
    before = server.call("GET", "/api/v1/launches")["launches"]
    given = waiting.arguments() if arguments == ["."] else arguments
    assert told in launcher.command("run", *further, *given, code=code)
    assert server.call("GET", "/api/v1/launches")["launches"] == before


def test_a_launch_is_cancelled_from_another_machine(
    launcher: Launcher, server: Server, waiting: Waiting
) -> None:
    launch_id = launcher.detached(*waiting.arguments())
    pids = waiting.started()
    # Nothing but the log connects the two.
    asked = server.call("POST", f"/api/v1/launches/{launch_id}/cancel", json={"reason": "too expensive"})
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["exit_code"], launch["reason"]) == ("cancelled", 7, "too expensive")
    assert (waiting.place / "asked").exists()
    assert server.call("GET", f"/api/v1/runs/{launch['run_id']}")["status"] == "KILLED"
    until("the end of its processes", lambda: gone(pids))
    refused = server.client.post(f"/api/v1/launches/{launch_id}/cancel")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")


def test_a_launch_is_cancelled_on_its_machine(launcher: Launcher, waiting: Waiting, server: Server) -> None:
    asking = launcher.start("run", *waiting.arguments())
    waiting.started()
    launch_id = launcher.the_one_folder().name
    followed = launcher.start("launches", "logs", "-f", launch_id)
    launcher.command("launches", "cancel", launch_id, "--reason", "too dear")
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["reason"]) == ("cancelled", "too dear")
    printed, _ = asking.communicate(timeout=120)
    assert f"launch {launch_id} was cancelled: too dear" in printed
    shown, _ = followed.communicate(timeout=120)
    assert "begun with 0" in shown
    assert f"launch {launch_id} is cancelled: too dear" in shown
    history = server.call("GET", f"/api/v1/history/launches/{launch_id}")["entries"]
    assert history[-1]["type"] == "LaunchEnded"
    assert "too dear" in json.dumps(history[-1])
    launcher.command("launches", "cancel", launch_id, code=4)


def test_a_launch_that_waits_in_a_queue(launcher: Launcher, waiting: Waiting) -> None:
    launch_id = launcher.detached(*waiting.arguments(), "--queue", "nobody")

    def said(*arguments: str) -> str:
        process = launcher.start("launches", *arguments)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0, printed
        return str(printed)

    assert said("logs", launch_id) == f"launch {launch_id} waits in the queue 'nobody'\n"
    assert said("cancel", launch_id, "--reason", "no need") == f"launch {launch_id} is cancelled\n"
    assert said("logs", "-f", launch_id) == f"launch {launch_id} is cancelled: no need\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_program(launcher: Launcher, waiting: Waiting, number: signal.Signals) -> None:
    process = launcher.start("run", *waiting.arguments())
    waiting.started()
    process.send_signal(number)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130, printed
    assert "asked to end" in printed
    assert number.name in printed


def test_a_launch_is_repeated(launcher: Launcher, waiting: Waiting, server: Server) -> None:
    waiting.go()
    launcher.command("run", *waiting.arguments(code=3), code=1)
    (first,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    launcher.command("launches", "retry", first["launch_id"], "-P", "code=0")
    (second,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    assert (second["state"], second["retry_of"]) == ("finished", first["launch_id"])
    assert second["parameters"] == {**first["parameters"], "code": "0"}
    assert second["run_id"] != first["run_id"]
    assert launcher.describe(first["launch_id"]) == first
    # Of two that begin alike none is meant.
    assert "it fits" in launcher.command("launches", "cancel", first["launch_id"][:6], code=2)


def test_a_commit_is_recorded_and_repeated(launcher: Launcher, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()

    def git(*command: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *identity, *command], cwd=repository, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    for text in ("one", "two"):
        (repository / "main.sh").write_text(f"echo it is {text}\n")
        git("add", ".")
        git("commit", "--quiet", "-m", text)
    shown = launcher.command("run", repository.as_uri(), "-e", "main.sh", "--version", "main")
    assert "it is two" in shown
    (launch,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    assert (launch["commit"], launch["dirty"]) == (git("rev-parse", "HEAD"), False)
    (repository / "main.sh").write_text("echo it is three\n")
    git("commit", "--quiet", "-am", "three")
    assert "it is two" in launcher.command("launches", "retry", launch["launch_id"])
