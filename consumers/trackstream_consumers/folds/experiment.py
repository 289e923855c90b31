"""The experiment aggregate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_consumers.folds.order import conflict, is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position


@dataclass(frozen=True, slots=True)
class ExperimentState:
    """An experiment; `created_at` is 0 while only stray events (before its creation) are known."""

    experiment_id: str
    name: str = ""
    artifact_location: str = ""
    lifecycle_stage: str = "active"
    created_at: int = 0
    updated_at: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def fold(state: ExperimentState | None, event: e.Event, at: Position) -> ExperimentState:
    """Return the experiment as it is after `event`; an event that it holds already changes nothing.

    Raises MalformedEvent for an event that is not an experiment's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.ExperimentBody):
        raise MalformedEvent("event", type(body).__name__, "an event of an experiment")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or ExperimentState(body.experiment_id, partition=at.partition)
    after = _apply(before, event, at)
    if after is not before:
        after = replace(after, updated_at=max(envelope.occurred_at, before.updated_at))
    return replace(
        after,
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


def _apply(state: ExperimentState, event: e.Event, at: Position) -> ExperimentState:
    envelope, body = event.envelope, event.body
    if isinstance(body, e.ExperimentCreated):
        return _created(state, envelope, body, at)
    if state.lifecycle_stage == "purged":
        return state
    match body:
        case e.ExperimentRenamed():
            return replace(state, name=body.name)
        case e.ExperimentDeleted():
            return replace(state, lifecycle_stage="deleted")
        case e.ExperimentRestored():
            return replace(state, lifecycle_stage="active")
        case e.ExperimentPurged():
            return ExperimentState(
                state.experiment_id, state.name, lifecycle_stage="purged", partition=state.partition
            )
        case e.ExperimentTagsSet():
            return replace(state, tags={**state.tags, **body.tags})
        case e.ExperimentTagsDeleted():
            gone = set(body.keys)
            return replace(state, tags={key: value for key, value in state.tags.items() if key not in gone})
        case _:
            return state


def _created(
    state: ExperimentState, envelope: e.Envelope, body: e.ExperimentCreated, at: Position
) -> ExperimentState:
    """The first creation stands; one after a purge begins anew, since the id follows from the name."""
    if state.lifecycle_stage == "purged":
        state = ExperimentState(state.experiment_id, partition=state.partition)
    if not state.created_at:
        return replace(
            state,
            name=state.name or body.name,
            artifact_location=body.artifact_location or "",
            created_at=max(envelope.occurred_at, 1),
            tags={**body.tags, **state.tags},
        )
    if body.name == state.name:
        return state
    entry = conflict(state.conflicts, envelope, at, "experiment", "name", state.name, body.name)
    return replace(state, conflicts=entry)
