"""What may be asked of a queue, and what the asking process knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trackstream import projects
from trackstream.client import Client
from trackstream.projects.queued import QueuedRun
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "main.sh").write_text("echo\n")
    return path


def enqueue(project: Path | str, store: Path, **changes: Any) -> QueuedRun:
    arguments = {"queue": "q", "synchronous": False, "tracking_uri": store, **changes}
    submitted = projects.run(str(project), "main.sh", **arguments)
    assert isinstance(submitted, QueuedRun)
    return submitted


def launch_events(store: Path, launch_id: str) -> list[e.Body]:
    client = Client(store)
    found = client.history(topics.LAUNCHES, launch_id)
    client.close()
    assert found is not None
    return [event.body for event in found]


def run_statuses(store: Path, run_id: str) -> list[str | None]:
    client = Client(store)
    found = client.history(topics.RUNS, run_id)
    client.close()
    assert found is not None
    return [event.body.status for event in found if isinstance(event.body, e.RunUpdated)]


def test_only_the_request_is_recorded_with_the_files_as_an_artifact(project: Path, store: Path) -> None:
    submitted = enqueue(project, store, parameters={"a": 1})
    (requested,) = launch_events(store, submitted.launch_id)
    assert isinstance(requested, e.LaunchRequested)
    assert (requested.queue, requested.max_attempts, requested.parameters) == ("q", 3, {"a": "1"})
    assert requested.uri == f"runs:/{submitted.run_id}/launches/{submitted.launch_id}/project.tar.gz"
    assert (submitted.get_status(), run_statuses(store, submitted.run_id)) == ("SCHEDULED", ["SCHEDULED"])
    assert not submitted.wait(0)


def test_what_all_workers_see_is_not_sent(project: Path, store: Path) -> None:
    submitted = enqueue(project.as_uri(), store, max_attempts=1)
    (requested,) = launch_events(store, submitted.launch_id)
    assert isinstance(requested, e.LaunchRequested)
    assert (requested.uri, requested.max_attempts) == (project.as_uri(), 1)


def test_cancelling_what_nobody_has_taken(project: Path, store: Path) -> None:
    submitted = enqueue(project, store)
    submitted.cancel()
    end = submitted.wait_for_end()
    assert end is not None
    assert (end.outcome, submitted.get_status()) == ("cancelled", "KILLED")
    assert run_statuses(store, submitted.run_id) == ["SCHEDULED", "KILLED"]
    submitted.cancel()
    assert len(launch_events(store, submitted.launch_id)) == 2


def test_its_end_is_what_the_log_says(project: Path, store: Path) -> None:
    submitted = enqueue(project, store)
    client = Client(store)
    client.producer.emit_and_wait([e.LaunchClaimed(submitted.launch_id, "c", "elsewhere", 1, 20.0)])
    assert submitted.get_status() == "RUNNING"
    client.producer.emit_and_wait([e.LaunchEnded(submitted.launch_id, "c", "failed", 3, "why")])
    client.close()
    end = submitted.wait_for_end()
    assert end is not None
    assert (end.outcome, end.exit_code, end.reason) == ("failed", 3, "why")
    with pytest.raises(projects.LaunchFailed, match="why"):
        projects.launch.raise_unless_finished(submitted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parameters": {"db_password": "x"}}, "parameter db_password"),
        ({"docker_args": {"token": "x"}}, "docker argument token"),
        ({"parameters": {"url": "https://a:b@host/"}}, "parameter url"),
        ({"queue": " "}, "queue"),
        ({"queue": "-x"}, "queue"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"queue": None, "max_attempts": 2}, "without a queue"),
        ({"version": "v1"}, "version"),
        ({"parameters": {"missing": "-x"}}, "dash"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_recorded(
    project: Path, store: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        enqueue(project, store, **changes)
    client = Client(store)
    assert client.history(topics.RUNS, "") == []
    client.close()


def test_credentials_and_local_archives_are_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="without credentials"):
        enqueue("https://ann:hunter2@host.invalid/x.git", store)
    (tmp_path / "x.tar.gz").write_bytes(b"")
    with pytest.raises(InvalidInput, match="file://"):
        enqueue(tmp_path / "x.tar.gz", store)


def test_a_log_on_kafka_cannot_be_waited_for(project: Path) -> None:
    with pytest.raises(InvalidInput, match="synchronous=False"):
        projects.run(str(project), "main.sh", queue="q", tracking_uri="kafka://localhost:1")
