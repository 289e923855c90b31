"""Records and states as table rows. Column names are those of the tables in `migrations/`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from _typeshed import DataclassInstance

    from trackstream_consumers.records import Record

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
STRING_MAP = pa.map_(pa.string(), pa.string())
SEQUENCES = pa.map_(pa.string(), pa.uint64())
STRINGS = pa.list_(pa.string())
MOMENT = pa.timestamp("ms", "UTC")

EVENTS = pa.schema(
    {
        "topic": pa.string(),
        "entity_id": pa.string(),
        "partition": pa.uint16(),
        "offset": pa.uint64(),
        "event_type": pa.string(),
        "event_id": pa.string(),
        "occurred_at": MOMENT,
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
        "occurred_at": MOMENT,
    }
)
DEAD_LETTER_RESOLUTIONS = pa.schema(
    {
        "topic": pa.string(),
        "partition": pa.uint16(),
        "offset": pa.uint64(),
        "resolution": pa.string(),
        "reason": pa.string(),
        "actor": pa.string(),
        "resolved_at": MOMENT,
        "version": pa.uint64(),
    }
)
ARTIFACTS = pa.schema(
    {
        "run_id": pa.string(),
        "path": pa.string(),
        "size": pa.uint64(),
        "sha256": pa.string(),
        "content_type": pa.string(),
        "logged_at": MOMENT,
        "version": pa.uint64(),
        "is_deleted": pa.uint8(),
    }
)


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
                "payload": _payload(record.event.body),
                "message": record.message,
            }
        )
    return table(EVENTS, rows)


def _payload(body: e.Body) -> str:
    """Return the body as JSON, in which NaN and the infinities are texts: JSON has no numbers for them."""
    content = asdict(body)
    for metric in content["metrics"] if isinstance(body, e.LoggedModelMetricsLogged) else ():
        if not math.isfinite(metric["value"]):
            metric["value"] = _NOT_FINITE[repr(metric["value"])]
    return json.dumps(content, ensure_ascii=False)


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
    return table(DEAD_LETTERS, rows)


def dead_letter_resolution_rows(records: Iterable[Record]) -> pa.Table:
    """Return rows of the table `dead_letter_resolutions`; other events than resolutions are left out."""
    rows = [
        {
            "topic": body.source_topic,
            "partition": body.source_partition,
            "offset": body.source_offset,
            "resolution": body.resolution,
            "reason": body.reason,
            "actor": record.event.envelope.actor,
            "resolved_at": record.event.envelope.occurred_at,
            "version": record.position.offset + 1,
        }
        for record in records
        if isinstance(body := record.event.body, e.DeadLetterResolved)
    ]
    return table(DEAD_LETTER_RESOLUTIONS, rows)


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
    return table(ARTIFACTS, rows)


def state_values(state: DataclassInstance) -> dict[str, Any]:
    """Return the fields of a state by name; what they hold is not copied."""
    return {field.name: getattr(state, field.name) for field in fields(state)}


def table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return `rows` (column to value; maps as mappings) as a table of this schema."""
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        if pa.types.is_map(field.type):
            values = [list(value.items()) for value in values]
        columns.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=schema)
