"""Aggregates' states as table rows and back. Column names are those of `migrations/0001_entities.sql`."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers.folds.experiment import ExperimentState
from trackstream_consumers.folds.run import RunState
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trackstream_consumers.records import Record

_STRING_MAP = pa.map_(pa.string(), pa.string())
_SEQUENCES = pa.map_(pa.string(), pa.uint64())
_STRINGS = pa.list_(pa.string())
_MOMENT = pa.timestamp("ms", "UTC")

EXPERIMENTS = pa.schema(
    {
        "experiment_id": pa.string(),
        "name": pa.string(),
        "artifact_location": pa.string(),
        "lifecycle_stage": pa.string(),
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "tags": _STRING_MAP,
        "conflicts": _STRINGS,
        "applied": _SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
RUNS = pa.schema(
    {
        "run_id": pa.string(),
        "experiment_id": pa.string(),
        "name": pa.string(),
        "user_id": pa.string(),
        "status": pa.string(),
        "stray_status": pa.string(),
        "lifecycle_stage": pa.string(),
        "start_time": pa.int64(),
        "end_time": pa.int64(),
        "deleted_at": pa.int64(),
        "params": _STRING_MAP,
        "tags": _STRING_MAP,
        "inputs": pa.string(),
        "conflicts": _STRINGS,
        "applied": _SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
RUN_VALUES = pa.schema(
    {
        "key": pa.string(),
        "run_id": pa.string(),
        "value": pa.string(),
        "version": pa.uint64(),
        "is_deleted": pa.uint8(),
    }
)
EVENTS = pa.schema(
    {
        "topic": pa.string(),
        "entity_id": pa.string(),
        "partition": pa.uint16(),
        "offset": pa.uint64(),
        "event_type": pa.string(),
        "event_id": pa.string(),
        "occurred_at": _MOMENT,
        "producer_id": pa.string(),
        "sequence": pa.uint64(),
        "actor": pa.string(),
        "payload": pa.string(),
        "message": pa.binary(),
    }
)
DEAD_LETTERS = pa.schema(
    {
        "projector": pa.string(),
        "topic": pa.string(),
        "partition": pa.uint16(),
        "offset": pa.uint64(),
        "key": pa.string(),
        "value": pa.binary(),
        "error_type": pa.string(),
        "error_message": pa.string(),
        "occurred_at": _MOMENT,
    }
)
ARTIFACTS = pa.schema(
    {
        "run_id": pa.string(),
        "path": pa.string(),
        "size": pa.uint64(),
        "sha256": pa.string(),
        "content_type": pa.string(),
        "logged_at": _MOMENT,
        "version": pa.uint64(),
        "is_deleted": pa.uint8(),
    }
)

# States hold times as integers; the engine's client would make datetimes of them.
_EXPERIMENT_COLUMNS = ", ".join(
    f"toUnixTimestamp64Milli({name})" if name.endswith("_at") else name for name in EXPERIMENTS.names
)
SELECT_EXPERIMENTS = (
    f"SELECT {_EXPERIMENT_COLUMNS} FROM experiments FINAL WHERE experiment_id IN {{ids:Array(String)}}"
)
SELECT_RUNS = f"SELECT {', '.join(RUNS.names)} FROM runs FINAL WHERE run_id IN {{ids:Array(String)}}"


def experiment_rows(states: Iterable[ExperimentState]) -> pa.Table:
    """Return rows of the table `experiments`."""
    return _table(EXPERIMENTS, [_values(state) for state in states])


def experiment_state(row: Sequence[Any]) -> ExperimentState:
    """Return the state that a row of SELECT_EXPERIMENTS holds."""
    values = dict(zip(EXPERIMENTS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    return ExperimentState(**values)


def run_rows(states: Iterable[RunState]) -> pa.Table:
    """Return rows of the table `runs`."""
    rows = []
    for state in states:
        values = _values(state)
        values["inputs"] = json.dumps([asdict(item) for item in state.inputs], ensure_ascii=False)
        rows.append(values)
    return _table(RUNS, rows)


def run_state(row: Sequence[Any]) -> RunState:
    """Return the state that a row of SELECT_RUNS holds."""
    values = dict(zip(RUNS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    values["inputs"] = tuple(e.DatasetInput(**item) for item in json.loads(values["inputs"] or "[]"))
    return RunState(**values)


def run_value_rows(values: Iterable[tuple[str, str, str | None, int]]) -> pa.Table:
    """Return rows of `run_params` or `run_tags` for (run_id, key, value, or None if gone, version)."""
    found = [
        {
            "key": key,
            "run_id": run_id,
            "value": value or "",
            "version": version,
            "is_deleted": int(value is None),
        }
        for run_id, key, value, version in values
    ]
    return _table(RUN_VALUES, found)


def event_rows(records: Iterable[Record]) -> pa.Table:
    """Return rows of the table `events`."""
    rows = []
    for record in records:
        envelope, position = record.event.envelope, record.position
        rows.append(
            {
                "topic": position.topic,
                "entity_id": record.key,
                "partition": position.partition,
                "offset": position.offset,
                "event_type": type(record.event.body).__name__,
                "event_id": envelope.event_id,
                "occurred_at": envelope.occurred_at,
                "producer_id": envelope.producer_id,
                "sequence": envelope.sequence,
                "actor": envelope.actor,
                "payload": json.dumps(asdict(record.event.body), ensure_ascii=False),
                "message": record.message,
            }
        )
    return _table(EVENTS, rows)


def dead_letter_rows(records: Iterable[Record]) -> pa.Table:
    """Return rows of the table `dead_letters`; other events than DeadLettered are left out."""
    rows = []
    for record in records:
        body = record.event.body
        if isinstance(body, e.DeadLettered):
            rows.append(
                {
                    "projector": body.projector,
                    "topic": body.source_topic,
                    "partition": body.source_partition,
                    "offset": body.source_offset,
                    "key": body.key,
                    "value": body.value,
                    "error_type": body.error_type,
                    "error_message": body.error_message,
                    "occurred_at": record.event.envelope.occurred_at,
                }
            )
    return _table(DEAD_LETTERS, rows)


def artifact_rows(records: Iterable[Record]) -> pa.Table:
    """Return rows of the table `artifacts`; other events than an artifact's are left out."""
    rows = []
    for record in records:
        body = record.event.body
        if isinstance(body, e.ArtifactLogged | e.ArtifactDeleted):
            there = isinstance(body, e.ArtifactLogged)
            rows.append(
                {
                    "run_id": body.run_id,
                    "path": body.path,
                    "size": body.size if isinstance(body, e.ArtifactLogged) else 0,
                    "sha256": body.sha256 if isinstance(body, e.ArtifactLogged) else "",
                    "content_type": body.content_type or "" if isinstance(body, e.ArtifactLogged) else "",
                    "logged_at": record.event.envelope.occurred_at,
                    "version": record.position.offset + 1,
                    "is_deleted": int(not there),
                }
            )
    return _table(ARTIFACTS, rows)


def _values(state: ExperimentState | RunState) -> dict[str, Any]:
    # asdict would copy every map.
    return {field.name: getattr(state, field.name) for field in fields(state)}


def _table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_map(field.type):
            values = [list(value.items()) for value in values]
        columns.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=schema)
