"""A queue as it is read from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream.client import Client
from trackstream.log.port import EncodedEvent
from trackstream.log.sqlite import SqliteLogWriter
from trackstream_api.launch_queue.log_board import LogBoard
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import NotFound
from trackstream_schemas.ids import new_id
from trackstream_schemas.sqlite_layout import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.launch_queue.decision import Seen


class Clock:
    """Time that goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Queue:
    """A log, and one reader of its queue `q`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME
        self.client = Client(directory)
        self.clock = Clock()
        reader = SqliteLogReader(self.path, [topics.LAUNCHES])
        self.board = LogBoard(reader, "q", self.clock, spread=0.5)

    def log(self, *bodies: e.Body) -> None:
        self.client.producer.emit_and_wait(bodies)

    def request(self, queue: str | None = "q") -> str:
        launch_id = new_id()
        self.log(
            e.LaunchRequested(
                launch_id, "r", "0", "/x", "main", "local", parameters={"a": "1"}, queue=queue, max_attempts=2
            )
        )
        return launch_id

    def look(self) -> list[Seen]:
        return list(self.board.look(0.0, (), ()))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    opened = Queue(tmp_path)
    yield opened
    opened.board.close()
    opened.client.close()


def test_what_waits_in_the_order_of_requests(queue: Queue) -> None:
    first = queue.request()
    queue.request("another")
    queue.request(None)
    second = queue.request()
    assert [(launch.launch_id, launch.claim_id) for launch in queue.look()] == [(first, ""), (second, "")]
    request = queue.board.request(first)
    assert (request.launch_id, request.queue, request.max_attempts) == (first, "q", 2)
    assert (request.uri, request.parameters) == ("/x", {"a": "1"})


def test_the_first_claim_holds_and_a_lost_launch_waits_at_its_place(queue: Queue) -> None:
    first, second = queue.request(), queue.request()
    queue.log(e.LaunchClaimed(first, "one", "a", 1, 20.0))
    queue.log(e.LaunchClaimed(first, "two", "b", 1, 20.0))
    found = queue.look()
    assert [(launch.launch_id, launch.claim_id) for launch in found] == [(first, "one"), (second, "")]
    queue.log(e.LaunchLost(first, "one", "gone", True))
    assert [(launch.claim_id, launch.attempts) for launch in queue.look()] == [("", 1), ("", 0)]


def test_what_is_over_does_not_come_back(queue: Queue) -> None:
    launch_id = queue.request()
    queue.log(e.LaunchClaimed(launch_id, "one", "a", 1, 20.0), e.LaunchEnded(launch_id, "one", "finished", 0))
    assert queue.look() == []
    with pytest.raises(NotFound, match="is over"):
        queue.board.request(launch_id)
    # Appended again, as a producer does that got no answer.
    queue.log(e.LaunchRequested(launch_id, "r", "0", "/x", "main", "local", queue="q"))
    assert queue.look() == []


def test_who_is_not_heard_of_for_three_heartbeats_is_silent(queue: Queue) -> None:
    launch_id = queue.request()
    queue.log(e.LaunchClaimed(launch_id, "one", "a", 1, 2.0))
    assert [launch.silent for launch in queue.look()] == [False]
    queue.clock.now += 6.9
    assert [launch.silent for launch in queue.look()] == [False]
    queue.log(e.LaunchHeartbeat(launch_id, "one"))
    assert [launch.silent for launch in queue.look()] == [False]
    queue.clock.now += 6.9
    # That of a claim that does not hold is nothing.
    queue.log(e.LaunchHeartbeat(launch_id, "two"))
    assert [launch.silent for launch in queue.look()] == [False]
    queue.clock.now += 0.2
    assert [launch.silent for launch in queue.look()] == [True]


def test_who_waits_is_not_silent(queue: Queue) -> None:
    queue.request()
    queue.look()
    queue.clock.now += 5.0
    assert [launch.silent for launch in queue.look()] == [False]


def test_who_was_cut_off_itself_waits_anew(queue: Queue) -> None:
    launch_id = queue.request()
    queue.log(e.LaunchClaimed(launch_id, "one", "a", 1, 2.0))
    queue.look()
    queue.clock.now += 3600.0
    assert [launch.silent for launch in queue.look()] == [False]
    queue.clock.now += 7.1
    assert [launch.silent for launch in queue.look()] == [True]


def test_a_wish_to_cancel_is_seen(queue: Queue) -> None:
    taken, waiting = queue.request(), queue.request()
    queue.log(e.LaunchClaimed(taken, "one", "a", 1, 20.0))
    queue.log(e.LaunchCancelRequested(taken), e.LaunchCancelRequested(waiting))
    assert [(launch.launch_id, launch.cancel_requested) for launch in queue.look()] == [(taken, True)]


def test_records_that_cannot_be_read_are_passed_over(queue: Queue) -> None:
    writer = SqliteLogWriter(queue.path)
    cut = codec.encode(e.Event(e.Envelope("1", 1, "p", 0), e.LaunchHeartbeat("x", "y")))[:-1]
    writer.append([EncodedEvent(topics.LAUNCHES, "x", cut)]).result()
    writer.close()
    launch_id = queue.request()
    assert [launch.launch_id for launch in queue.look()] == [launch_id]
