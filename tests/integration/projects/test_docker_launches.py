"""Launches through the real Docker client, on a server that takes what Docker's published API allows.

Docker itself does not run here: what it would run are processes of this machine (`docker_engine`).
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.integration.projects.containers import (
    kept,
    logging_project,
    shell_project,
    variables_of,
    waiting_project,
)
from tests.integration.projects.docker_engine import DockerEngine
from tests.integration.projects.launching import gone, kill, until
from tests.native_stack import skipped_without_tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.processes import Server
    from tests.integration.projects.launching import Launcher, Waiting

pytestmark = pytest.mark.integration
CREATE = ("POST", "/containers/create")
SHARED = ("-A", "network=host")


@pytest.fixture
def engine(launcher: Launcher, tmp_path: Path) -> Iterator[DockerEngine]:
    """A Docker that has no image, and can pull base:1; whatever is asked of it must be as published."""
    with skipped_without_tools(), DockerEngine(tmp_path / "docker", registry=("base:1",)) as started:
        launcher.variables["DOCKER_HOST"] = started.url
        yield started
    assert started.violations == []


def test_a_project_runs_in_a_container(
    launcher: Launcher, server: Server, engine: DockerEngine, tmp_path: Path
) -> None:
    project = logging_project(tmp_path)
    launcher.variables["COPIED"] = "from here"
    outside = tmp_path / "outside: words.txt"
    outside.write_text("of this machine")
    started: list[int] = []

    def look(name: str) -> None:
        """Count what the log has of the launch when its container is started."""
        with closing(sqlite3.connect(launcher.store / "log.db")) as log:
            query = 'SELECT count(*) FROM "trackstream.launches" WHERE key = ?'
            started.append(log.execute(query, (name.removeprefix("trackstream-"),)).fetchone()[0])

    engine.before_start = look
    given = ("run", str(project), *SHARED, "-P", "text=it's $(touch pwned)")
    shown = launcher.command(*given, "-A", "gpus=all", "-A", "m=2g", "-A", "cpus=1.5")
    assert "pulling the image base:1" in shown
    assert "of the project it's $(touch pwned) hi there from here" in shown
    assert "on standard error" in shown
    # Requested, claimed, prepared, started: only then it runs.
    assert started == [4]
    assert engine.containers == {}

    (listed,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    launch_id, run_id = listed["launch_id"], listed["run_id"]
    assert (listed["state"], listed["exit_code"], listed["environment"]) == ("finished", 0, "docker")
    assert listed["image"].startswith("in-a-box:")
    assert server.call("GET", f"/api/v1/runs/{run_id}")["metrics"]["n"]["value"] == 7

    (asked,) = engine.asked(*CREATE)
    body, host = asked.body, asked.body["HostConfig"]
    assert asked.query == {"name": f"trackstream-{launch_id}"}
    assert body["Labels"]["trackstream.launch-id"] == launch_id
    assert "/mlflow/projects/code/words.txt" in body["Cmd"][-1]
    assert host["Binds"] == ["/data/sets:/sets:ro", "cache:/cache"]
    assert kept(host, "Memory", "NanoCpus", "NetworkMode", "Init") == {
        "Memory": 2 << 30,
        "NanoCpus": 1_500_000_000,
        "NetworkMode": "host",
        "Init": True,
    }
    assert [kept(one, "Count", "Capabilities") for one in host["DeviceRequests"]] == [
        {"Count": -1, "Capabilities": [["gpu"]]}
    ]
    variables = variables_of(body["Env"])
    assert kept(
        variables, "TRACKSTREAM_RUN_ID", "MLFLOW_RUN_ID", "TRACKSTREAM_URI", "MLFLOW_TRACKING_URI"
    ) == {
        "TRACKSTREAM_RUN_ID": run_id,
        "MLFLOW_RUN_ID": run_id,
        "TRACKSTREAM_URI": server.url,
        "MLFLOW_TRACKING_URI": server.url,
    }
    assert not [name for name in variables if name == "HOME"]
    built = next(iter(image for image in engine.images.values() if image.has_code))
    assert sorted(path.name for path in built.place.iterdir()) == ["MLproject", "main.py", "words.txt"]

    # The same project again is in an image already; a file from elsewhere comes in under its own name.
    shown = launcher.command(*given, "-P", f"words={outside}", "-A", "t")
    assert "building the image" not in shown
    assert "of this machine it's" in shown
    second = engine.asked(*CREATE)[1].body
    assert second["Tty"] is True
    assert [kept(one, "Type", "Source", "Target", "ReadOnly") for one in second["HostConfig"]["Mounts"]] == [
        {"Type": "bind", "Source": str(outside), "Target": str(outside), "ReadOnly": True}
    ]


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("echo out; exit 3", 3, "exit code 3"),
        ("kill -9 $$", 137, "used up its memory"),
    ],
)
def test_a_program_that_fails(
    launcher: Launcher, engine: DockerEngine, tmp_path: Path, command: str, code: int, told: str
) -> None:
    project = shell_project(tmp_path, command)
    # The image as it is, without the project's files in it.
    config = '{"build-image": false}'
    shown = launcher.command("run", project, "-b", "docker", "-c", config, *SHARED, code=1)
    assert told in shown
    (launch,) = json.loads(launcher.command("launches", "list", "-n", "1", "--output", "json"))
    assert (launch["state"], launch["exit_code"], launch["image"]) == ("failed", code, "base:1")
    assert engine.asked("POST", "/build") == []
    assert engine.containers == {}


def test_it_is_cancelled(launcher: Launcher, engine: DockerEngine, waiting: Waiting, tmp_path: Path) -> None:
    launch_id = launcher.detached(*waiting_project(tmp_path), *SHARED)
    pids = waiting.started()
    assert launcher.describe(launch_id)["handle"] == f"container trackstream-{launch_id}"
    launcher.command("launches", "cancel", launch_id)
    launch = launcher.ended(launch_id)
    assert (launch["state"], launch["exit_code"]) == ("cancelled", 7)
    assert (tmp_path / "asked").exists()
    assert [one.query["signal"] for one in engine.asked("POST", "/containers/{id}/kill")] == ["SIGTERM"]
    until("the end of the container", lambda: not engine.containers and gone(pids))
    assert "asked to end" in launcher.command("launches", "logs", launch_id)


def test_the_launcher_is_killed(
    launcher: Launcher, engine: DockerEngine, waiting: Waiting, tmp_path: Path
) -> None:
    launch_id = launcher.detached(*waiting_project(tmp_path), *SHARED)
    pids = waiting.started()
    kill(launcher.supervisor(launch_id))
    # Nobody looks at the launch: what waits for the launcher's death ends the container.
    until("the end of the container", lambda: not engine.containers and gone(pids))
    launch = launcher.describe(launch_id)
    assert (launch["state"], launch["lost"]) == ("failed", True)


def test_the_launcher_is_killed_while_docker_is_away(
    launcher: Launcher, engine: DockerEngine, waiting: Waiting, tmp_path: Path
) -> None:
    launch_id = launcher.detached(*waiting_project(tmp_path), *SHARED)
    pids = waiting.started()
    engine.away = True
    kill(launcher.supervisor(launch_id))
    launch = launcher.describe(launch_id)
    assert (launch["state"], launch["lost"]) == ("failed", True)
    assert "may still run: Docker does not answer" in launch["reason"]
    assert engine.containers
    engine.away = False
    until("the end of the container", lambda: not engine.containers and gone(pids))
    launcher.command("launches", "list")
    assert not (launcher.folder(launch_id) / "left-over.json").exists()


@pytest.mark.parametrize(
    ("arguments", "image", "told"),
    [
        ((), "base:1", "-A network=host gives it this machine's network"),
        (
            SHARED,
            "nowhere:2",
            "image nowhere:2 of the docker_env is not here and cannot be pulled: pull access",
        ),
        ((*SHARED, "-A", "gpus=99"), "base:1", "cannot be started: could not select device driver"),
    ],
)
def test_what_goes_wrong_is_told(
    launcher: Launcher,
    engine: DockerEngine,
    tmp_path: Path,
    arguments: tuple[str, ...],
    image: str,
    told: str,
) -> None:
    shown = launcher.command("run", shell_project(tmp_path, "true", image), *arguments, code=1)
    assert told in shown
    assert engine.containers == {}


def test_there_is_no_docker(launcher: Launcher, tmp_path: Path) -> None:
    launcher.variables["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    project = shell_project(tmp_path, "echo without a container")
    shown = launcher.command("run", project, *SHARED, code=1)
    assert f"Docker does not answer at unix://{tmp_path}/none.sock" in shown
    assert "see with `docker info`" in shown
    assert "without a container" in launcher.command("run", project, "--env-manager", "local")
    for wrong, right in (("nme=x", "expected one of add-host"), ("restart=always", "a launch runs once")):
        assert right in launcher.command("run", project, "-A", wrong, code=2)


def test_an_image_is_built_from_the_dockerfile_of_the_project(
    launcher: Launcher, engine: DockerEngine, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    engine.images["local:1"] = engine._new_image()
    (project / "Dockerfile").write_text("FROM local:1\nRUN false\n")
    (project / "main.sh").write_text("echo from an image of its own")
    run = ("run", str(project), "-e", "main.sh", "--backend", "docker", *SHARED)
    shown = launcher.command(*run, code=1)
    assert "project-base:" in shown
    assert "cannot be built: The command 'false' returned a non-zero code: 1" in shown
    (project / "Dockerfile").write_text("FROM local:1\n")
    assert "from an image of its own" in launcher.command(*run)
    first, last = engine.asked("POST", "/build")[-2:]
    assert (first.query["t"].partition(":")[0], last.query["t"].partition(":")[0]) == (
        "project-base",
        "project",
    )


def test_output_goes_on_where_it_broke_off(launcher: Launcher, engine: DockerEngine, tmp_path: Path) -> None:
    # What lies where the launch is asked for is not the library.
    (tmp_path / "docker.py").write_text("raise SystemExit('not the library')")
    launcher.cwd = tmp_path
    project = shell_project(tmp_path, "printf one; sleep 1; printf two; sleep 1; printf three")
    engine.cut_logs = 2
    assert launcher.command("run", project, *SHARED).endswith("onetwothree")
    assert len(engine.asked("GET", "/containers/{id}/logs")) >= 3
