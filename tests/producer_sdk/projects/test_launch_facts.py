"""The launcher's short reading of a launch's events, beside the fold that decides."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from hypothesis import given

from tests.consumers.folds.histories import events_of, launch_bodies, positioned
from trackstream.projects.launch_facts import launch_facts
from trackstream_consumers.folds.launch import fold
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from trackstream_schemas.events import Event

REQUESTED = e.LaunchRequested("l", "r", "7", "./x", "main", "local", queue="q", max_attempts=2)


def facts_of(*bodies: e.Body) -> Any:
    return launch_facts(e.Event(e.Envelope(str(at), at, "p", at), body) for at, body in enumerate(bodies))


def test_a_course() -> None:
    facts = facts_of(
        REQUESTED,
        e.LaunchClaimed("l", "one", "node", 1, 20.0),
        e.LaunchCancelRequested("l"),
        e.LaunchEnded("l", "two", "finished", 0),
        e.LaunchEnded("l", "one", "cancelled", -15, "why"),
    )
    assert facts.requested == REQUESTED
    assert (facts.claim_id, facts.cancel_requested) == ("one", True)
    assert (facts.outcome, facts.exit_code, facts.reason) == ("cancelled", -15, "why")


def test_why_it_was_cancelled() -> None:
    course = [
        REQUESTED,
        e.LaunchClaimed("l", "one", "node", 1, 20.0),
        e.LaunchCancelRequested("l", "too dear"),
        e.LaunchEnded("l", "one", "cancelled", -15, "signal SIGTERM"),
    ]
    assert (facts_of(*course).cancel_reason, facts_of(*course).reason) == ("too dear", "too dear")
    assert facts_of(REQUESTED, e.LaunchCancelRequested("l", "no need")).reason == "no need"
    assert facts_of(REQUESTED, e.LaunchCancelRequested("l")).reason == "cancelled before anybody took it"


def test_a_repeat_changes_nothing() -> None:
    ended = e.Event(e.Envelope("1", 1, "p", 1), e.LaunchEnded("l", "", "failed"))
    other = e.Event(e.Envelope("2", 2, "p", 1), e.LaunchEnded("l", "", "finished"))
    assert launch_facts([ended, other]).outcome == "failed"


@given(events_of(launch_bodies("l")))
def test_it_knows_of_an_end_what_the_fold_knows(events: list[Event]) -> None:
    """Where claims are made as launchers make them: with an id, behind the request."""
    request = e.Event(e.Envelope("first", 1, "first", 0), REQUESTED)
    course = [
        event
        for event in events
        if not isinstance(event.body, e.LaunchRequested)
        and not (isinstance(event.body, e.LaunchClaimed) and not event.body.claim_id)
    ]
    whole = [request, *course]
    state: Any = reduce(
        lambda before, item: fold(before, item[1], item[0]), positioned(topics.LAUNCHES, whole), None
    )
    facts = launch_facts(whole)
    ended = state.state if state.state in e.LAUNCH_ENDS else ""
    assert (facts.outcome, facts.lost) == (ended, state.lost)
    assert (facts.claim_id, facts.attempts) == (state.claim_id, state.attempts)
