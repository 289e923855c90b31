"""The registered model aggregate: its name, aliases, and which versions there are in which stage.

What else is known of a version is folded by `model_version`, a state of its own for each, since a model may
have thousands of versions with long tags.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from trackstream_consumers.folds.order import conflict, is_repeat
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trackstream_schemas.position import Position

_V = TypeVar("_V")

ARCHIVED = "Archived"
INITIAL_STAGE = "None"


@dataclass(frozen=True, slots=True)
class RegisteredModelState:
    """A registered model; `absent` while only stray events (before its creation) are known.

    A deleted one may be created again under the same id: it then begins anew, with version 1.
    """

    registered_model_id: str
    name: str = ""
    description: str = ""
    lifecycle_stage: str = "absent"
    """absent, active or deleted."""
    creation_id: str = ""
    """Of the creation that stands."""
    created_at: int = 0
    updated_at: int = 0
    """Milliseconds since the epoch; tags and aliases do not count as changes (as in MLflow)."""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    """Alias to the number of a version that is there."""
    stages: Mapping[int, str] = field(default_factory=dict)
    """Number to stage of each version that is there."""
    last_version: int = 0
    """The highest number given so far; deleted versions count."""
    conflicts: tuple[str, ...] = ()
    applied: Mapping[str, int] = field(default_factory=dict)
    partition: int = 0
    version: int = 0


def wanted_name(body: e.RegistryBody) -> str | None:
    """Return the name that the event wants for its model, or None where it wants none."""
    return body.name if isinstance(body, e.RegisteredModelCreated | e.RegisteredModelRenamed) else None


def fold(
    state: RegisteredModelState | None, event: e.Event, at: Position, *, taken: bool = False
) -> RegisteredModelState:
    """Return the model as it is after `event`; an event that it holds already changes nothing.

    `taken` says whether another model that is there has the name that the event wants (`wanted_name`) at
    this place of the log: the first to have it keeps it. Raises MalformedEvent for an event that is not the
    registry's.
    """
    envelope, body = event.envelope, event.body
    if not isinstance(body, e.RegistryBody):
        raise MalformedEvent("event", type(body).__name__, "an event of the model registry")
    if state is not None and is_repeat(state, envelope, at):
        return state
    before = state or RegisteredModelState(body.registered_model_id, partition=at.partition)
    after = _Step(before, envelope, at, taken).apply(body)
    return replace(
        after,
        applied={**before.applied, envelope.producer_id: envelope.sequence},
        version=at.offset + 1,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    state: RegisteredModelState
    envelope: e.Envelope
    at: Position
    taken: bool

    def apply(self, body: e.RegistryBody) -> RegisteredModelState:
        state = self.state
        if isinstance(body, e.RegisteredModelCreated):
            return self._created(body)
        if state.lifecycle_stage != "active":
            return self._refused("model", type(body).__name__, state.lifecycle_stage, None)
        match body:
            case e.RegisteredModelUpdated():
                return self._changed(description=body.description)
            case e.RegisteredModelRenamed():
                return self._renamed(body)
            case e.RegisteredModelDeleted():
                return self._changed(lifecycle_stage="deleted", tags={}, aliases={}, stages={})
            case e.RegisteredModelTagsSet():
                return replace(state, tags={**state.tags, **body.tags})
            case e.RegisteredModelTagsDeleted():
                return replace(state, tags=_without(state.tags, body.keys))
            case e.ModelVersionCreated():
                number = state.last_version + 1
                return self._changed(last_version=number, stages={**state.stages, number: INITIAL_STAGE})
            case e.ModelAliasDeleted():
                return replace(state, aliases=_without(state.aliases, [body.alias]))
        if body.version not in state.stages:
            return self._refused("version", type(body).__name__, None, body.version)
        match body:
            case e.ModelVersionStageSet():
                return self._changed(stages=_moved(state.stages, body))
            case e.ModelVersionDeleted():
                stages = {number: stage for number, stage in state.stages.items() if number != body.version}
                aliases = {alias: number for alias, number in state.aliases.items() if number != body.version}
                return self._changed(stages=stages, aliases=aliases)
            case e.ModelAliasSet():
                return replace(state, aliases={**state.aliases, body.alias: body.version})
            case _:
                # The rest concerns the version alone.
                return state

    def _created(self, body: e.RegisteredModelCreated) -> RegisteredModelState:
        state = self.state
        if state.lifecycle_stage == "active" or self.taken:
            return self._refused("registered model", "name", state.creation_id, body.creation_id)
        at = max(self.envelope.occurred_at, 1)
        return RegisteredModelState(
            state.registered_model_id,
            name=body.name,
            description=body.description or "",
            lifecycle_stage="active",
            creation_id=body.creation_id,
            created_at=at,
            updated_at=at,
            tags=dict(body.tags),
            partition=state.partition,
        )

    def _renamed(self, body: e.RegisteredModelRenamed) -> RegisteredModelState:
        if self.taken:
            return self._refused("registered model", "name", self.state.name, body.name)
        return self.state if body.name == self.state.name else self._changed(name=body.name)

    def _changed(self, **fields: object) -> RegisteredModelState:
        at = max(self.state.updated_at, self.envelope.occurred_at)
        return replace(self.state, updated_at=at, **fields)  # type: ignore[arg-type]  # fields of the state

    def _refused(self, kind: str, key: str, kept: object, rejected: object) -> RegisteredModelState:
        entries = conflict(self.state.conflicts, self.envelope, self.at, kind, key, kept, rejected)
        return replace(self.state, conflicts=entries)


def _moved(stages: Mapping[int, str], body: e.ModelVersionStageSet) -> dict[int, str]:
    archived = [number for number, stage in stages.items() if body.archive_existing and stage == body.stage]
    return {**stages, **dict.fromkeys(archived, ARCHIVED), body.version: body.stage}


def _without(values: Mapping[str, _V], keys: Collection[str]) -> dict[str, _V]:
    return {key: value for key, value in values.items() if key not in keys}
