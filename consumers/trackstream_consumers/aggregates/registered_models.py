"""Registered models and their versions: a row each.

All models that a batch of events concerns are folded together, since which of them has a name is settled by
the order of all events. Their states are written as one block, so that they are always of one moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import rows, store
from trackstream_consumers.aggregates.port import Step
from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.folds import model_version, registered_model
from trackstream_consumers.folds.model_version import ModelVersionState
from trackstream_consumers.folds.registered_model import RegisteredModelState
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

REGISTERED_MODELS = pa.schema(
    {
        "registered_model_id": pa.string(),
        "name": pa.string(),
        "description": pa.string(),
        "lifecycle_stage": pa.string(),
        "creation_id": pa.string(),
        "created_at": pa.int64(),
        "updated_at": pa.int64(),
        "tags": rows.STRING_MAP,
        "aliases": pa.map_(pa.string(), pa.uint32()),
        "stages": pa.map_(pa.uint32(), pa.string()),
        "last_version": pa.uint32(),
        "conflicts": rows.STRINGS,
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
MODEL_VERSIONS = pa.schema(
    {
        "registered_model_id": pa.string(),
        "number": pa.uint32(),
        "lifecycle_stage": pa.string(),
        "creation_id": pa.string(),
        "source": pa.string(),
        "storage_location": pa.string(),
        "run_id": pa.string(),
        "model_id": pa.string(),
        "run_link": pa.string(),
        "description": pa.string(),
        "user_id": pa.string(),
        "stage": pa.string(),
        "created_at": pa.int64(),
        "updated_at": pa.int64(),
        "tags": rows.STRING_MAP,
        "version": pa.uint64(),
    }
)
# One statement, hence one moment: the models that events are about, and those that have the names they want.
_MODELS = f"""
    SELECT {", ".join(REGISTERED_MODELS.names)} FROM registered_models FINAL
    WHERE registered_model_id IN {{ids:Array(String)}}
        OR (name IN {{names:Array(String)}} AND lifecycle_stage = 'active')
"""
_VERSIONS = f"""
    SELECT {", ".join(MODEL_VERSIONS.names)} FROM model_versions FINAL
    WHERE registered_model_id IN {{ids:Array(String)}} AND number IN {{numbers:Array(UInt32)}}
"""
_AT_ONCE = 1000

_Models = dict[str, RegisteredModelState]
_Versions = dict[tuple[str, int], ModelVersionState]
_Step = Step[RegisteredModelState]


def model_rows(states: Iterable[RegisteredModelState]) -> pa.Table:
    """Return rows of the table `registered_models`."""
    return rows.table(REGISTERED_MODELS, [rows.state_values(state) for state in states])


def version_rows(states: Iterable[ModelVersionState]) -> pa.Table:
    """Return rows of the table `model_versions`."""
    return rows.table(MODEL_VERSIONS, [rows.state_values(state) for state in states])


def model_of(row: Sequence[Any]) -> RegisteredModelState:
    """Return the state that a row of `registered_models` holds."""
    values = dict(zip(REGISTERED_MODELS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    return RegisteredModelState(**values)


def version_of(row: Sequence[Any]) -> ModelVersionState:
    """Return the state that a row of `model_versions` holds."""
    return ModelVersionState(**dict(zip(MODEL_VERSIONS.names, row, strict=True)))


class RegisteredModels:
    """The aggregate of `trackstream.registry`."""

    topic = topics.REGISTRY

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states: _Models = {}
        steps: list[_Step] = []
        for start in range(0, len(records), _AT_ONCE):
            part = records[start : start + _AT_ONCE]
            _load_models(engine, states, part)
            steps += fold_into(states, part)
        changed = {step.record.key: states[step.record.key] for step in steps}
        return {
            "model_versions": version_rows(_versions(engine, steps)),
            "registered_models": model_rows(changed.values()),
        }


def _load_models(engine: Engine, states: _Models, records: Sequence[Record]) -> None:
    """Add the models that these records concern; what is known already of later events stays."""
    names = {_wanted(record) for record in records} - {None}
    parameters = {"ids": list({record.key for record in records}), "names": list(names)}
    for row in _select(engine, _MODELS, parameters):
        found = model_of(row)
        known = states.get(found.registered_model_id)
        if known is None or known.version < found.version:
            states[found.registered_model_id] = found


def fold_into(states: _Models, records: Sequence[Record]) -> list[_Step]:
    """Fold the records into `states`; returns a step for each that was not held already."""
    bearers = {
        state.name: state.registered_model_id
        for state in states.values()
        if state.lifecycle_stage == "active"
    }
    steps: list[_Step] = []
    for record in records:
        before = states.get(record.key)
        taken = bearers.get(_wanted(record) or "", record.key) != record.key
        try:
            after = registered_model.fold(before, record.event, record.position, taken=taken)
        except MalformedEvent as error:
            raise DeadLetter(record.position, error) from error
        if after is before:
            continue
        if before is not None and bearers.get(before.name) == record.key:
            del bearers[before.name]
        if after.lifecycle_stage == "active":
            bearers[after.name] = record.key
        states[record.key] = after
        steps.append(Step(before, after, record))
    return steps


def _versions(engine: Engine, steps: Sequence[_Step]) -> list[ModelVersionState]:
    """Return the versions that the steps changed, as they are after the last."""
    changes: list[tuple[_Step, set[int]]] = []
    for step in steps:
        body = step.record.event.body
        assert isinstance(body, e.RegistryBody)
        changes.append((step, model_version.touched(step.before, body, step.after)))
    states = _load_versions(
        engine, list(dict.fromkeys((step.record.key, number) for step, found in changes for number in found))
    )
    changed: _Versions = {}
    for step, numbers in changes:
        for number in numbers:
            key = step.record.key, number
            before = states.get(key)
            after = model_version.fold(before, number, step.record.event, step.record.position, step.after)
            if after is not before:
                states[key] = changed[key] = after
    return list(changed.values())


def _load_versions(engine: Engine, keys: Sequence[tuple[str, int]]) -> _Versions:
    found: _Versions = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        parameters = {
            "ids": list({model_id for model_id, _ in part}),
            "numbers": list({number for _, number in part}),
        }
        for row in _select(engine, _VERSIONS, parameters):
            state = version_of(row)
            found[state.registered_model_id, state.number] = state
    return found


def _select(engine: Engine, query: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    with store.engine_errors(), engine.client() as client:
        found: Sequence[Sequence[Any]] = client.query(query, parameters=dict(parameters)).result_rows
    return found


def _wanted(record: Record) -> str | None:
    body = record.event.body
    return registered_model.wanted_name(body) if isinstance(body, e.RegistryBody) else None
