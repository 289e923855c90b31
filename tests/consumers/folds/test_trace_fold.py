"""What each event makes of a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trackstream_consumers.folds.trace import UNLOGGED, TraceState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

LOGGED = e.TraceLogged(
    "t", "7", 500, "IN_PROGRESS", None, "c", '{"q": 1}', None, {"m": "1"}, {"a": "1", "b": "1"}
)
JUDGED = e.Assessment(
    "a-1", "correct", "feedback", "true", "HUMAN", "ann", 5, 5, rationale="so", metadata={"k": "v"}
)


def folded(*bodies: e.Body) -> TraceState:
    state: TraceState | None = None
    for number, body in enumerate(bodies):
        event = e.Event(e.Envelope(f"event-{number}", 1000 + number, "p", number), body)
        state = fold(state, event, Position(topics.TRACES, 0, number))
    assert state is not None
    return state


def test_a_trace_that_is_logged_again_replaces_merges_and_keeps_its_previews() -> None:
    again = e.TraceLogged("t", "7", 500, "OK", 12, None, None, '"yes"', {"n": "2"}, {"b": "2"}, [JUDGED])
    state = folded(LOGGED, again)
    assert (state.state, state.execution_duration, state.client_request_id) == ("OK", 12, None)
    assert (state.request_preview, state.response_preview) == ('{"q": 1}', '"yes"')
    assert (state.metadata, state.tags) == ({"m": "1", "n": "2"}, {"a": "1", "b": "2"})
    assert state.assessments == (JUDGED,)


def test_tags_set_before_the_trace_was_logged_count_as_later() -> None:
    state = folded(e.TraceTagsSet("t", {"a": "2"}), LOGGED)
    assert state.tags == {"a": "2", "b": "1"}
    assert folded(e.TraceTagsSet("t", {"a": "2"})).state == UNLOGGED


def test_assessments_change_and_go() -> None:
    other = replace(JUDGED, assessment_id="a-2")
    update = e.AssessmentUpdated(
        "t", "a-1", 9, value="null", error='{"error_code": "E"}', metadata={"l": "w"}
    )
    changed = folded(LOGGED, e.AssessmentLogged("t", JUDGED), e.AssessmentLogged("t", other), update)
    first, second = changed.assessments
    assert (first.value, first.error, first.rationale, first.updated_at) == (
        "null",
        '{"error_code": "E"}',
        "so",
        9,
    )
    assert first.metadata == {"k": "v", "l": "w"}
    assert second == other
    renamed = folded(
        LOGGED,
        e.AssessmentLogged("t", replace(JUDGED, error="{}")),
        e.AssessmentUpdated("t", "a-1", 9, name="x"),
    )
    assert (renamed.assessments[0].name, renamed.assessments[0].error) == ("x", "{}")
    left = folded(
        LOGGED,
        e.AssessmentLogged("t", JUDGED),
        e.AssessmentDeleted("t", "a-1"),
        e.AssessmentDeleted("t", "a-9"),
        update,
    )
    assert left.assessments == ()


def test_links_are_kept_once() -> None:
    link = e.TraceLinked("t", ["r"], [e.PromptVersion("greeting", "2")])
    state = folded(LOGGED, link, link, e.TraceLinked("t", ["s"]))
    assert (state.run_ids, state.prompts) == (("r", "s"), ("greeting/2",))


def test_a_deletion_is_for_ever() -> None:
    state = folded(LOGGED, e.TraceDeleted("t"), LOGGED, e.TraceTagsSet("t", {"a": "1"}))
    assert state == TraceState("t", lifecycle_stage="deleted", applied={"p": 3}, version=4)


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="an event of a trace"):
        folded(e.RunDeleted("r"))
