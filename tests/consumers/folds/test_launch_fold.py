"""What becomes of a launch."""

from __future__ import annotations

import json

import pytest

from trackstream_consumers.folds.launch import LaunchState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

REQUESTED = e.LaunchRequested("l", "r", "7", "./digits", "main", "local", None, {"alpha": "0.5"})
CLAIMED = e.LaunchClaimed("l", "one", "node1", 11, 20.0)
PREPARED = e.LaunchPrepared("l", "one", "digits", "uv", "./digits", "c" * 40, False, "key")
STARTED = e.LaunchStarted("l", "one", "process 12 on node1", "python train.py")
LOST = e.LaunchLost("l", "one", "launcher lost")
OTHER = e.LaunchClaimed("l", "two", "node2", 22, 20.0)


def folded(*bodies: e.Body) -> LaunchState:
    """The state after these events, a second apart, by one producer."""
    state: LaunchState | None = None
    for number, body in enumerate(bodies):
        envelope = e.Envelope(f"event-{number}", 1000 * (number + 1), "p", number)
        state = fold(state, e.Event(envelope, body), Position(topics.LAUNCHES, 0, number))
    assert state is not None
    return state


def kinds(state: LaunchState) -> list[str]:
    return [json.loads(entry)["kind"] for entry in state.conflicts]


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "requested"),
        ([CLAIMED], "preparing"),
        ([CLAIMED, PREPARED], "ready"),
        ([CLAIMED, PREPARED, STARTED], "running"),
        ([CLAIMED, PREPARED, STARTED, e.LaunchHeartbeat("l", "one")], "running"),
        ([CLAIMED, PREPARED, STARTED, e.LaunchEnded("l", "one", "finished", 0)], "finished"),
        ([CLAIMED, e.LaunchEnded("l", "one", "failed", None, "no such project")], "failed"),
        ([CLAIMED, e.LaunchCancelRequested("l"), e.LaunchEnded("l", "one", "cancelled")], "cancelled"),
        ([CLAIMED, LOST], "failed"),
        ([CLAIMED, e.LaunchCancelRequested("l"), LOST], "cancelled"),
        ([e.LaunchCancelRequested("l")], "cancelled"),
    ],
)
def test_its_course(events: list[e.Body], state: str) -> None:
    found = folded(REQUESTED, *events)
    assert found.state == state
    assert found.conflicts == ()
    assert (found.ended_at is not None) == (state in e.LAUNCH_ENDS)


def test_what_is_known_at_its_end() -> None:
    found = folded(
        REQUESTED, CLAIMED, PREPARED, STARTED, e.LaunchEnded("l", "one", "failed", 3, "exit code 3")
    )
    assert (found.commit, found.dirty, found.environment, found.host) == ("c" * 40, False, "uv", "node1")
    assert (found.exit_code, found.reason, found.command) == (3, "exit code 3", "python train.py")
    times = (found.requested_at, found.claimed_at, found.prepared_at, found.started_at, found.ended_at)
    assert times == (1000, 2000, 3000, 4000, 5000)


def test_of_two_claims_the_first_holds_and_the_other_is_not_heard() -> None:
    late = [e.LaunchPrepared("l", "two", "x", "x"), e.LaunchStarted("l", "two", "x", "x")]
    found = folded(REQUESTED, CLAIMED, OTHER, *late, e.LaunchEnded("l", "two", "finished", 0))
    assert (found.state, found.host, found.claim_id, found.attempts) == ("preparing", "node1", "one", 1)
    assert kinds(found) == ["LaunchClaimed", "LaunchPrepared", "LaunchStarted", "LaunchEnded"]


def test_a_heartbeat_of_another_claim_is_no_sign_of_life() -> None:
    found = folded(REQUESTED, CLAIMED, e.LaunchHeartbeat("l", "two"))
    assert (found.last_seen, found.conflicts) == (2000, ())


def test_a_lost_launch_is_taken_again_as_often_as_it_may_be() -> None:
    twice = e.LaunchRequested("l", "r", "7", "./digits", "main", "local", max_attempts=2)
    requeued = e.LaunchLost("l", "one", "launcher lost", requeue=True)
    between = folded(twice, CLAIMED, PREPARED, STARTED, requeued)
    assert (between.state, between.claim_id) == ("requested", "")
    again = folded(twice, CLAIMED, PREPARED, STARTED, requeued, OTHER)
    assert (again.state, again.attempts, again.host) == ("preparing", 2, "node2")
    assert (again.started_at, again.command) == (None, "")
    # The first one comes back: it has nothing to say any more.
    back = folded(twice, CLAIMED, STARTED, requeued, OTHER, e.LaunchEnded("l", "one", "finished", 0))
    assert (back.state, kinds(back)) == ("preparing", ["LaunchEnded"])
    gone = folded(twice, CLAIMED, requeued, OTHER, e.LaunchLost("l", "two", "launcher lost", requeue=True))
    assert (gone.state, gone.lost) == ("failed", True)


def test_who_was_thought_lost_may_still_tell_how_it_ended() -> None:
    found = folded(REQUESTED, CLAIMED, STARTED, LOST, e.LaunchEnded("l", "one", "finished", 0))
    assert (found.state, found.lost, found.exit_code) == ("finished", False, 0)
    stranger = folded(REQUESTED, CLAIMED, STARTED, LOST, e.LaunchEnded("l", "two", "finished", 0))
    assert (stranger.state, stranger.lost) == ("failed", True)


def test_who_was_thought_lost_may_go_on() -> None:
    beat = e.LaunchHeartbeat("l", "one")
    found = folded(REQUESTED, CLAIMED, PREPARED, STARTED, LOST, beat)
    assert (found.state, found.lost, found.ended_at, found.reason) == ("running", False, None, "")
    assert folded(REQUESTED, CLAIMED, PREPARED, LOST, beat).state == "ready"
    assert folded(REQUESTED, CLAIMED, LOST, beat).state == "preparing"
    assert folded(REQUESTED, CLAIMED, LOST, STARTED).state == "running"
    assert folded(REQUESTED, CLAIMED, LOST, e.LaunchHeartbeat("l", "two")).state == "failed"


def test_an_end_is_an_end() -> None:
    ended = [REQUESTED, CLAIMED, e.LaunchEnded("l", "one", "finished", 0)]
    found = folded(*ended, LOST, e.LaunchEnded("l", "one", "failed", 1), OTHER, REQUESTED)
    assert (found.state, found.exit_code) == ("finished", 0)
    assert kinds(found) == ["LaunchLost", "LaunchEnded", "LaunchClaimed", "LaunchRequested"]
    assert folded(*ended, e.LaunchCancelRequested("l")).state == "finished"


def test_what_is_cancelled_before_it_is_taken_is_not_taken() -> None:
    found = folded(REQUESTED, e.LaunchCancelRequested("l", "not needed"), CLAIMED)
    assert (found.state, found.reason, found.attempts) == ("cancelled", "not needed", 0)


def test_who_asks_for_its_end_says_why() -> None:
    asked = [REQUESTED, CLAIMED, e.LaunchCancelRequested("l", "too expensive")]
    assert folded(*asked, e.LaunchEnded("l", "one", "cancelled", -15, "SIGTERM")).reason == "too expensive"
    assert folded(*asked, e.LaunchEnded("l", "one", "failed", 1, "exit code 1")).reason == "exit code 1"
    unsaid = [REQUESTED, CLAIMED, e.LaunchCancelRequested("l")]
    assert folded(*unsaid, e.LaunchEnded("l", "one", "cancelled", -15, "SIGTERM")).reason == "SIGTERM"


def test_a_claim_may_arrive_before_its_request() -> None:
    found = folded(CLAIMED, REQUESTED)
    assert (found.state, found.uri, found.host) == ("preparing", "./digits", "node1")


def test_it_takes_no_other_events() -> None:
    with pytest.raises(MalformedEvent, match="an event of a launch"):
        folded(e.RunDeleted("r"))
