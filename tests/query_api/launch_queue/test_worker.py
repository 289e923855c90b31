"""A worker on a real log, as far as it executes nothing; see tests/integration/projects for the rest."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest

from trackstream.client import Client
from trackstream_api.launch_queue.api_board import ApiBoard
from trackstream_api.launch_queue.log_board import LogBoard
from trackstream_api.launch_queue.worker import Wishes, Worker
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.ids import new_id
from trackstream_schemas.sqlite_layout import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.launch_queue.board import Board


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    opened = Client(tmp_path / "store")
    yield opened
    opened.close(1)


@pytest.fixture
def board(client: Client, tmp_path: Path) -> Iterator[LogBoard]:
    # A second passes with each look at this clock.
    seconds = itertools.count(1000.0)
    reader = SqliteLogReader(tmp_path / "store" / FILE_NAME, [topics.LAUNCHES])
    opened = LogBoard(reader, "q", lambda: next(seconds))
    yield opened
    opened.close()


def request(client: Client, backend: str = "local", max_attempts: int = 1) -> tuple[str, str]:
    """Put a launch into the queue; returns its id and its run's."""
    launch_id, run_id = new_id(), new_id()
    asked = e.LaunchRequested(
        launch_id, run_id, "0", "/x", "main", backend, queue="q", max_attempts=max_attempts
    )
    client.producer.emit_and_wait([e.RunStarted(run_id, "0", "a run", 1), asked])
    return launch_id, run_id


def work(client: Client, board: Board, *backends: str) -> list[str]:
    """Work until nothing is left to do, and return what the worker says."""
    said: list[str] = []
    Worker(client, board, 1, frozenset(backends), Wishes(), said.append).work(drain=True)
    return said


def kinds(client: Client, topic: str, key: str) -> list[str]:
    return [type(event.body).__name__ for event in client.history(topic, key) or []]


def test_launches_for_other_backends_are_left_to_others(client: Client, board: LogBoard) -> None:
    launch_id, _ = request(client)
    assert work(client, board, "docker") == []
    assert kinds(client, topics.LAUNCHES, launch_id) == ["LaunchRequested"]


def test_a_backend_that_is_not_installed_is_told_once(client: Client, board: LogBoard) -> None:
    request(client, "slurm")
    request(client, "slurm")
    (said,) = work(client, board)
    assert "left to other workers" in said
    assert "slurm" in said


def test_a_launch_whose_worker_is_silent_has_failed_after_the_last_attempt(
    client: Client, board: LogBoard
) -> None:
    launch_id, run_id = request(client)
    client.producer.emit_and_wait([e.LaunchClaimed(launch_id, "theirs", "elsewhere", 1, 0.01)])
    assert work(client, board) == [f"lost {launch_id}: it is over"]
    assert kinds(client, topics.LAUNCHES, launch_id)[1:] == ["LaunchClaimed", "LaunchLost"]
    assert kinds(client, topics.RUNS, run_id) == ["RunStarted", "RunUpdated"]


def test_draining_waits_for_what_a_dead_worker_has(client: Client, board: LogBoard) -> None:
    launch_id, _ = request(client, max_attempts=2)
    # The board's clock goes on by a second with each look, so that it is silent some looks later.
    client.producer.emit_and_wait([e.LaunchClaimed(launch_id, "theirs", "elsewhere", 1, 2.0)])
    wishes = Wishes()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        # It is not for this test to execute it.
        wishes.stop = True

    Worker(client, board, 1, (), wishes, say).work(drain=True)
    assert said == [f"lost {launch_id}: it waits again"]
    assert kinds(client, topics.LAUNCHES, launch_id) == ["LaunchRequested", "LaunchClaimed", "LaunchLost"]


def test_while_the_log_is_away_it_can_be_stopped(client: Client) -> None:
    # Port 1 is nobody's.
    nobody = ApiBoard("http://127.0.0.1:1", "q")
    wishes, away = Wishes(), threading.Event()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        away.set()

    worker = threading.Thread(target=Worker(client, nobody, 1, (), wishes, say).work)
    worker.start()
    assert away.wait(60)
    wishes.stop = True
    worker.join(60)
    assert not worker.is_alive()
    assert ["the log is away" in text for text in said] == [True]
    nobody.close()


def test_a_log_that_was_replaced_ends_it(client: Client, board: LogBoard, tmp_path: Path) -> None:
    (tmp_path / "store" / FILE_NAME).rename(tmp_path / "elsewhere.db")
    with pytest.raises(StorageFailed):
        work(client, board)
