"""The trace aggregate: what a tracer says of one request, with tags, links and assessments.

Its spans are a file (`traces.json`) among the trace's artifacts and no part of the state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_consumers.folds.order import is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position

UNLOGGED = "UNLOGGED"


@dataclass(frozen=True, slots=True)
class TraceState:
    """A trace; its state is UNLOGGED while only stray events (before it was logged) are known."""

    trace_id: str
    experiment_id: str = ""
    request_time: int = 0
    state: str = UNLOGGED
    execution_duration: int | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[e.Assessment, ...] = ()
    run_ids: tuple[str, ...] = ()
    """Runs that it was linked to; the run that traced it is in the metadata."""
    prompts: tuple[str, ...] = ()
    """Prompt versions that it used, as NAME/VERSION."""
    lifecycle_stage: str = "active"
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def fold(state: TraceState | None, event: e.Event, at: Position) -> TraceState:
    """Return the trace as it is after `event`; an event that it holds already changes nothing.

    Raises MalformedEvent for an event that is not a trace's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.TraceBody):
        raise MalformedEvent("event", type(body).__name__, "an event of a trace")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or TraceState(body.trace_id, partition=at.partition)
    # A deletion is for ever: a tracer that is late does not bring the trace back.
    after = before if before.lifecycle_stage == "deleted" else _apply(before, body)
    return replace(
        after,
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


def _apply(state: TraceState, body: e.TraceBody) -> TraceState:
    match body:
        case e.TraceLogged():
            return _logged(state, body)
        case e.TraceDeleted():
            return TraceState(state.trace_id, lifecycle_stage="deleted", partition=state.partition)
        case e.TraceTagsSet():
            return replace(state, tags={**state.tags, **body.tags})
        case e.TraceTagsDeleted():
            gone = set(body.keys)
            return replace(state, tags={key: value for key, value in state.tags.items() if key not in gone})
        case e.TraceLinked():
            prompts = [f"{prompt.name}/{prompt.version}" for prompt in body.prompts]
            return replace(
                state,
                run_ids=tuple(dict.fromkeys((*state.run_ids, *body.run_ids))),
                prompts=tuple(dict.fromkeys((*state.prompts, *prompts))),
            )
        case e.AssessmentLogged():
            return replace(state, assessments=_with(state.assessments, body.assessment))
        case e.AssessmentUpdated():
            return _assessment_updated(state, body)
        case e.AssessmentDeleted():
            left = tuple(item for item in state.assessments if item.assessment_id != body.assessment_id)
            return replace(state, assessments=left)


def _logged(state: TraceState, body: e.TraceLogged) -> TraceState:
    """A trace that is logged again replaces what it says; strays before the first time count as later."""
    first = state.state == UNLOGGED
    assessments = state.assessments
    for assessment in body.assessments:
        assessments = _with(assessments, assessment)
    return replace(
        state,
        experiment_id=body.experiment_id,
        request_time=body.request_time,
        state=body.state,
        execution_duration=body.execution_duration,
        client_request_id=body.client_request_id,
        request_preview=state.request_preview if body.request_preview is None else body.request_preview,
        response_preview=state.response_preview if body.response_preview is None else body.response_preview,
        metadata={**state.metadata, **body.metadata},
        tags={**body.tags, **state.tags} if first else {**state.tags, **body.tags},
        assessments=assessments,
    )


def _assessment_updated(state: TraceState, body: e.AssessmentUpdated) -> TraceState:
    """Change an assessment; one that is not there (any more) stays away."""
    before = next((item for item in state.assessments if item.assessment_id == body.assessment_id), None)
    if before is None:
        return state
    after = replace(
        before,
        name=before.name if body.name is None else body.name,
        value=before.value if body.value is None else body.value,
        error=before.error if body.value is None else body.error,
        rationale=before.rationale if body.rationale is None else body.rationale,
        metadata={**before.metadata, **body.metadata},
        updated_at=body.updated_at,
    )
    return replace(state, assessments=_with(state.assessments, after))


def _with(assessments: tuple[e.Assessment, ...], new: e.Assessment) -> tuple[e.Assessment, ...]:
    """Return the assessments with `new` in the place of the one with its id, or at the end."""
    if all(item.assessment_id != new.assessment_id for item in assessments):
        return (*assessments, new)
    return tuple(new if item.assessment_id == new.assessment_id else item for item in assessments)
