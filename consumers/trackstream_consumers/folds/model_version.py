"""One version of a registered model: everything but its number and its place among the others.

Number, stage and end are decided by the fold of the model (`registered_model`), since they depend on other
versions; this takes them over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.folds.registered_model import RegisteredModelState
    from trackstream_schemas.position import Position


@dataclass(frozen=True, slots=True)
class ModelVersionState:
    """A version; `number` counts from 1."""

    registered_model_id: str
    number: int
    lifecycle_stage: str = "active"
    """active or deleted."""
    creation_id: str = ""
    source: str = ""
    storage_location: str = ""
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    description: str = ""
    user_id: str = ""
    stage: str = ""
    created_at: int = 0
    updated_at: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    """Log offset + 1 of the last event folded in."""


def touched(
    before: RegisteredModelState | None, body: e.RegistryBody, after: RegisteredModelState
) -> set[int]:
    """Return the numbers of the versions that `body`'s event changed, given their model around it."""
    stages = before.stages if before is not None else {}
    match body:
        case e.RegisteredModelRenamed():
            # As in MLflow, where a version bears its model's name.
            return set(stages) if before is not None and before.name != after.name else set()
        case e.ModelVersionUpdated() | e.ModelVersionTagsSet() | e.ModelVersionTagsDeleted():
            return {body.version} & set(stages)
        case e.ModelVersionStageSet():
            return ({body.version} & set(stages)) | _differing(stages, after.stages)
        case _:
            return _differing(stages, after.stages)


def _differing(before: Mapping[int, str], after: Mapping[int, str]) -> set[int]:
    return {number for number in {*before, *after} if before.get(number) != after.get(number)}


def fold(
    state: ModelVersionState | None, number: int, event: e.Event, at: Position, model: RegisteredModelState
) -> ModelVersionState:
    """Return the version as it is after `event`, which touched it; `model` is its model after the event.

    An event that the state holds already changes nothing: states are written before their model's.
    """
    if state is not None and at.offset < state.version:
        return state
    envelope, body = event.envelope, event.body
    if isinstance(body, e.ModelVersionCreated):
        after = ModelVersionState(
            model.registered_model_id,
            number,
            creation_id=body.creation_id,
            source=body.source,
            storage_location=body.storage_location or "",
            run_id=body.run_id or "",
            model_id=body.model_id or "",
            run_link=body.run_link or "",
            description=body.description or "",
            user_id=body.user_id,
            created_at=max(envelope.occurred_at, 1),
            tags=dict(body.tags),
        )
    else:
        after = state or ModelVersionState(model.registered_model_id, number)
    match body:
        case e.ModelVersionTagsSet():
            after = replace(after, tags={**after.tags, **body.tags})
        case e.ModelVersionTagsDeleted():
            kept = {key: value for key, value in after.tags.items() if key not in body.keys}
            after = replace(after, tags=kept)
        case e.ModelVersionUpdated():
            after = replace(after, description=body.description or "")
    if not isinstance(body, e.ModelVersionTagsSet | e.ModelVersionTagsDeleted):
        after = replace(after, updated_at=max(after.updated_at, envelope.occurred_at, after.created_at))
    stage = model.stages.get(number)
    if stage is None:
        return replace(after, lifecycle_stage="deleted", version=at.offset + 1)
    return replace(after, stage=stage, version=at.offset + 1)
