"""Launches that are put into a queue over HTTP."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.query_api.live_server import LiveServer
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/api/v1/launches"
GIT = "https://git.invalid/team/digits.git"
PROJECT = """
name: digits
entry_points:
  main:
    parameters:
      lr: {type: float, default: 0.1}
      data: path
    command: "python train.py --lr {lr} --data {data}"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that may put launches into two queues."""
    variables = {**os.environ, "TRACKSTREAM_LAUNCH_QUEUES": "default, gpu"}
    live = LiveServer(tmp_path_factory.mktemp("store"), env=variables)
    yield live
    live.close()


def archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", mtime=0, fileobj=content) as packed,
        tarfile.open(fileobj=packed, mode="w") as out,
    ):
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            out.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def sent(server: LiveServer, project: str = PROJECT, **further: str) -> str:
    """Return a launch of a project that was sent to a queue, and is over."""
    launch_id, run_id = new_id(), server.new_run(further=())
    path = f"launches/{launch_id}/project.tar.gz"
    content = archive(
        {"source.json": "{}", "digits/MLproject": project, "digits/train.py": "print(1)", **further}
    )
    server.call(
        "PUT", f"/api/v1/runs/{run_id}/artifacts/content", 201, params={"path": path}, content=content
    )
    server.log(
        e.LaunchRequested(
            launch_id,
            run_id,
            "0",
            f"runs:/{run_id}/{path}",
            "main",
            "local",
            parameters={"lr": "0.5", "data": "/data"},
            queue="gpu",
            max_attempts=2,
        ),
        e.LaunchClaimed(launch_id, "c", "node", 1, 3600.0),
        e.LaunchEnded(launch_id, "c", "failed", 1, "no data"),
    )
    return launch_id


def test_a_project_at_an_address_waits_in_the_queue_with_its_run(server: LiveServer) -> None:
    experiment = server.new_experiment()
    asked = {
        "uri": GIT,
        "version": "v1",
        "entry_point": "train",
        "parameters": {"lr": "0.1"},
        "experiment_id": experiment,
        "run_name": "by hand",
    }
    made = server.call("POST", PATH, 201, json=asked)
    assert (made["state"], made["queue"], made["max_attempts"]) == ("requested", "default", 3)
    assert (made["uri"], made["project_version"], made["parameters"]) == (GIT, "v1", {"lr": "0.1"})
    run = server.call("GET", f"/api/v1/runs/{made['run_id']}")
    assert (run["status"], run["name"], run["experiment_id"]) == ("SCHEDULED", "by hand", experiment)
    assert run["tags"]["trackstream.launch_id"] == made["launch_id"]
    counted = server.call("GET", "/api/v1/launch-queues")["queues"]
    assert [(queue["name"], queue["waiting"] > 0) for queue in counted] == [("default", True), ("gpu", False)]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"uri": "/etc"}, "uri"),
        ({"uri": "file:///srv/repo.git"}, "uri"),
        ({"uri": "."}, "uri"),
        ({"uri": "--upload-pack=x"}, "uri"),
        ({"uri": "https://me:secret@git.invalid/x.git"}, "project URI"),
        ({}, "uri"),
        ({"uri": GIT, "queue": "other"}, "queue"),
        ({"uri": GIT, "parameters": {"--x": "1"}}, "parameter name"),
        ({"uri": GIT, "parameters": {"api_key": "abc"}}, "parameter api_key"),
        ({"uri": GIT, "version": "--x"}, "version"),
        ({"uri": GIT, "env_manager": "rm"}, "env_manager"),
        ({"uri": GIT, "max_attempts": 0}, "max_attempts"),
        ({"uri": GIT, "backend": "kubernetes"}, "backend"),
    ],
)
def test_what_is_refused(server: LiveServer, wrong: dict[str, object], field: str) -> None:
    refused = server.call("POST", PATH, 400, json=wrong)
    assert field in (refused.get("field") or refused["message"])


def test_what_is_not_there(server: LiveServer) -> None:
    server.call("POST", PATH, 404, json={"uri": GIT, "experiment_id": "12345"})
    server.call("POST", PATH, 404, json={"retry_of": "nobody"})


def test_what_was_sent_is_launched_again_with_other_values(server: LiveServer) -> None:
    before = sent(server)
    known = server.call("GET", f"{PATH}/{before}/project")
    assert known["can_start"] is True
    main, script = known["entry_points"]
    assert (main["name"], script["name"]) == ("main", "train.py")
    assert main["parameters"] == [
        {"name": "lr", "type": "float", "default": "0.1"},
        {"name": "data", "type": "path", "default": None},
    ]
    again = server.call("POST", PATH, 201, json={"retry_of": before})
    assert (again["queue"], again["max_attempts"], again["retry_of"]) == ("gpu", 2, before)
    assert again["parameters"] == {"lr": "0.5", "data": "/data"}
    other = server.call(
        "POST", PATH, 201, json={"retry_of": before, "parameters": {"data": "/other"}, "queue": "default"}
    )
    assert (other["queue"], other["parameters"]) == ("default", {"data": "/other"})
    missing = server.call("POST", PATH, 400, json={"retry_of": before, "parameters": {"lr": "0.1"}})
    assert "data" in missing["message"]
    wrong = server.call(
        "POST", PATH, 400, json={"retry_of": before, "parameters": {"data": "/d", "lr": "fast"}}
    )
    assert "a number" in wrong["message"]
    unknown = server.call("POST", PATH, 400, json={"retry_of": before, "entry_point": "tain"})
    assert "main, train.py" in unknown["message"]
    script_run = {"retry_of": before, "entry_point": "train.py", "parameters": {"x": "1"}}
    assert server.call("POST", PATH, 201, json=script_run)["entry_point"] == "train.py"


def test_a_project_file_that_is_wrong_says_where(server: LiveServer) -> None:
    before = sent(server, "name: x\nentry_points:\n  main: {}\n")
    refused = server.call("GET", f"{PATH}/{before}/project", 400)
    assert "command" in refused["message"]


def test_a_small_archive_of_a_huge_content_is_not_read_to_its_end(server: LiveServer) -> None:
    before = sent(server, data="0" * (130 << 20))
    refused = server.call("GET", f"{PATH}/{before}/project", 400)
    assert "larger than 128 MiB" in refused["message"]


def test_a_directory_of_another_machine_is_not_launched_from_here(server: LiveServer) -> None:
    launch_id = new_id()
    server.log(
        e.LaunchRequested(launch_id, server.new_run(further=()), "0", "/home/me/digits", "main", "local")
    )
    assert server.call("GET", f"{PATH}/{launch_id}/project") == {
        "uri": "/home/me/digits",
        "can_start": False,
        "entry_points": None,
    }
    refused = server.call("POST", PATH, 400, json={"retry_of": launch_id})
    assert "trackstream run DIRECTORY --queue" in refused["message"]


def test_a_server_without_queues_starts_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    live = LiveServer(tmp_path_factory.mktemp("store"))
    try:
        assert live.call("GET", "/api/v1/launch-queues") == {"queues": []}
        refused = live.call("POST", PATH, 400, json={"uri": GIT})
        assert refused["error_code"] == "INVALID_STATE"
        assert "TRACKSTREAM_LAUNCH_QUEUES" in refused["message"]
    finally:
        live.close()
