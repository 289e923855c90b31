"""The run aggregate: lifecycle, params, tags, inputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_consumers.folds.order import conflict, is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.position import Position

UNSTARTED = "UNSTARTED"
RUN_NAME_TAG = "mlflow.runName"
"""Mirrors the name: to set one sets the other (mlflow.utils.mlflow_tags.MLFLOW_RUN_NAME)."""


@dataclass(frozen=True, slots=True)
class RunState:
    """A run; its status is UNSTARTED while only stray events (before its start) are known."""

    run_id: str
    experiment_id: str = ""
    name: str = ""
    user_id: str = ""
    status: str = UNSTARTED
    stray_status: str = ""
    """What an UNSTARTED run's status will be once it has started; empty for RUNNING."""
    lifecycle_stage: str = "active"
    start_time: int = 0
    end_time: int | None = None
    deleted_at: int | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[e.DatasetInput, ...] = ()
    model_inputs: tuple[str, ...] = ()
    model_outputs: tuple[e.ModelOutput, ...] = ()
    conflicts: tuple[str, ...] = ()
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def fold(state: RunState | None, event: e.Event, at: Position) -> RunState:
    """Return the run as it is after `event`; an event that it holds already changes nothing.

    Raises MalformedEvent for an event that is not a run's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.RunBody):
        raise MalformedEvent("event", type(body).__name__, "an event of a run")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or RunState(body.run_id, partition=at.partition)
    # A purge is for ever: what comes behind it is only noted as seen.
    after = before if before.lifecycle_stage == "purged" else _apply(before, envelope, body, at)
    return replace(
        after,
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


def _apply(state: RunState, envelope: e.Envelope, body: e.RunBody, at: Position) -> RunState:
    match body:
        case e.RunStarted():
            return _started(state, envelope, body, at)
        case e.RunUpdated():
            return _updated(state, body)
        case e.RunDeleted():
            if state.lifecycle_stage == "deleted":
                return state
            return replace(state, lifecycle_stage="deleted", deleted_at=envelope.occurred_at)
        case e.RunRestored():
            return replace(state, lifecycle_stage="active", deleted_at=None)
        case e.RunPurged():
            return RunState(state.run_id, lifecycle_stage="purged", partition=state.partition)
        case e.ParamsLogged():
            return _params(state, envelope, body, at)
        case e.TagsSet():
            name = body.tags.get(RUN_NAME_TAG) or state.name
            return replace(state, tags={**state.tags, **body.tags}, name=name)
        case e.TagsDeleted():
            gone = set(body.keys)
            return replace(state, tags={key: value for key, value in state.tags.items() if key not in gone})
        case e.InputsLogged():
            new = [item for item in body.datasets if item not in state.inputs]
            return replace(state, inputs=(*state.inputs, *new))
        case e.ModelsLinked():
            return _models_linked(state, body)


def _started(state: RunState, envelope: e.Envelope, body: e.RunStarted, at: Position) -> RunState:
    """The first start stands; strays folded before it count as later than it."""
    if state.status != UNSTARTED:
        if (body.experiment_id, body.start_time) == (state.experiment_id, state.start_time):
            return state
        kept = {"experiment_id": state.experiment_id, "start_time": state.start_time}
        entry = conflict(state.conflicts, envelope, at, "run", "start", kept, asdict(body))
        return replace(state, conflicts=entry)
    name = state.name or body.name or body.tags.get(RUN_NAME_TAG, "")
    tags = {**body.tags, **state.tags}
    if name:
        tags[RUN_NAME_TAG] = name
    return replace(
        state,
        experiment_id=body.experiment_id,
        name=name,
        user_id=body.user_id,
        status=state.stray_status or "RUNNING",
        stray_status="",
        start_time=body.start_time,
        tags=tags,
    )


def _updated(state: RunState, body: e.RunUpdated) -> RunState:
    status, stray, end_time, tags = state.status, state.stray_status, state.end_time, state.tags
    if body.status is not None:
        if state.status == UNSTARTED:
            stray = body.status
        else:
            status = body.status
        if body.status not in e.TERMINAL_STATUSES:
            end_time = None
    if body.end_time is not None:
        end_time = body.end_time
    if body.name:
        tags = {**tags, RUN_NAME_TAG: body.name}
    return replace(
        state, status=status, stray_status=stray, end_time=end_time, tags=tags, name=body.name or state.name
    )


def _params(state: RunState, envelope: e.Envelope, body: e.ParamsLogged, at: Position) -> RunState:
    params, conflicts = dict(state.params), state.conflicts
    for key, value in body.params.items():
        kept = params.setdefault(key, value)
        if kept != value:
            conflicts = conflict(conflicts, envelope, at, "param", key, kept, value)
    return replace(state, params=params, conflicts=conflicts)


def _models_linked(state: RunState, body: e.ModelsLinked) -> RunState:
    """A model is an output once, at the first step named."""
    outputs: dict[str, e.ModelOutput] = {}
    for item in (*state.model_outputs, *body.outputs):
        outputs.setdefault(item.model_id, item)
    return replace(
        state,
        model_inputs=tuple(dict.fromkeys((*state.model_inputs, *body.inputs))),
        model_outputs=tuple(outputs.values()),
    )


def touched_params(before: RunState | None, body: e.RunBody) -> frozenset[str]:
    """Return the param keys whose value `body`'s event may have changed."""
    match body:
        case e.ParamsLogged():
            return frozenset(body.params)
        case e.RunPurged():
            return frozenset(before.params if before else ())
        case _:
            return frozenset()


def touched_tags(before: RunState | None, body: e.RunBody) -> frozenset[str]:
    """Return the tag keys whose value `body`'s event may have changed."""
    match body:
        case e.RunStarted():
            return frozenset((*body.tags, RUN_NAME_TAG))
        case e.RunUpdated():
            return frozenset((RUN_NAME_TAG,)) if body.name else frozenset()
        case e.TagsSet():
            return frozenset(body.tags)
        case e.TagsDeleted():
            return frozenset(body.keys)
        case e.RunPurged():
            return frozenset(before.tags if before else ())
        case _:
            return frozenset()
