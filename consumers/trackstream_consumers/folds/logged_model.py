"""The logged model aggregate: a model that a run made, with params, tags and a status.

Its metrics are points, which may be many: they have a table of their own and are no part of the state.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_consumers.folds.order import conflict, is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position

PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class LoggedModelState:
    """A logged model; `created_at` is 0 while only stray events (before its creation) are known."""

    model_id: str
    experiment_id: str = ""
    name: str = ""
    source_run_id: str | None = None
    model_type: str | None = None
    status: str = PENDING
    lifecycle_stage: str = "active"
    created_at: int = 0
    updated_at: int = 0
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def fold(state: LoggedModelState | None, event: e.Event, at: Position) -> LoggedModelState:
    """Return the model as it is after `event`; an event that it holds already changes nothing.

    Raises MalformedEvent for an event that is not a logged model's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.LoggedModelBody):
        raise MalformedEvent("event", type(body).__name__, "an event of a logged model")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or LoggedModelState(body.model_id, partition=at.partition)
    return replace(
        # A purge is for ever: what comes behind it is only noted as seen.
        before if before.lifecycle_stage == "purged" else _apply(before, envelope, body, at),
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


def _apply(
    state: LoggedModelState, envelope: e.Envelope, body: e.LoggedModelBody, at: Position
) -> LoggedModelState:
    match body:
        case e.LoggedModelCreated():
            return _created(state, envelope, body, at)
        case e.LoggedModelFinalized():
            return replace(state, status=body.status, updated_at=_later(state, envelope))
        case e.LoggedModelDeleted():
            return replace(state, lifecycle_stage="deleted", updated_at=_later(state, envelope))
        case e.LoggedModelPurged():
            return LoggedModelState(state.model_id, lifecycle_stage="purged", partition=state.partition)
        case e.LoggedModelTagsSet():
            return replace(state, tags={**state.tags, **body.tags})
        case e.LoggedModelTagsDeleted():
            gone = set(body.keys)
            return replace(state, tags={key: value for key, value in state.tags.items() if key not in gone})
        case e.LoggedModelParamsLogged():
            return _with_params(state, envelope, body.params, at)
        case e.LoggedModelMetricsLogged():
            return state


def _created(
    state: LoggedModelState, envelope: e.Envelope, body: e.LoggedModelCreated, at: Position
) -> LoggedModelState:
    """The first creation stands; strays folded before it count as later, but params are first come."""
    if state.created_at:
        if (body.experiment_id, body.name) == (state.experiment_id, state.name):
            return state
        kept = {"experiment_id": state.experiment_id, "name": state.name}
        entry = conflict(state.conflicts, envelope, at, "logged_model", "creation", kept, asdict(body))
        return replace(state, conflicts=entry)
    created = replace(
        state,
        experiment_id=body.experiment_id,
        name=body.name,
        source_run_id=body.source_run_id,
        model_type=body.model_type,
        created_at=max(envelope.occurred_at, 1),
        updated_at=_later(state, envelope),
        tags={**body.tags, **state.tags},
    )
    return _with_params(created, envelope, body.params, at)


def _with_params(
    state: LoggedModelState, envelope: e.Envelope, new: Mapping[str, str], at: Position
) -> LoggedModelState:
    params, conflicts = dict(state.params), state.conflicts
    for key, value in new.items():
        kept = params.setdefault(key, value)
        if kept != value:
            conflicts = conflict(conflicts, envelope, at, "param", key, kept, value)
    return replace(state, params=params, conflicts=conflicts)


def _later(state: LoggedModelState, envelope: e.Envelope) -> int:
    return max(state.updated_at, envelope.occurred_at, 1)
