"""Events to bytes and back: Avro single-object encoding.

A message is `C3 01`, the writer schema's CRC-64-AVRO fingerprint (8 bytes, little-endian) and the
Avro binary body. Source: Avro specification, "Single-object encoding".
"""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from trackstream_schemas import events as e
from trackstream_schemas import metric_batch
from trackstream_schemas.errors import MalformedEvent, UnknownSchema
from trackstream_schemas.schema_files import SchemaFile, by_fingerprint, newest

MARKER = b"\xc3\x01"
HEADER_SIZE = 10

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        e.ExperimentCreated,
        e.ExperimentRenamed,
        e.ExperimentDeleted,
        e.ExperimentRestored,
        e.ExperimentPurged,
        e.ExperimentTagsSet,
        e.ExperimentTagsDeleted,
        e.RunStarted,
        e.RunUpdated,
        e.RunDeleted,
        e.RunRestored,
        e.RunPurged,
        e.ParamsLogged,
        e.TagsSet,
        e.TagsDeleted,
        e.ArtifactLogged,
        e.ArtifactDeleted,
        e.ArtifactChunk,
        e.InputsLogged,
        e.ModelsLinked,
        e.LoggedModelCreated,
        e.LoggedModelFinalized,
        e.LoggedModelDeleted,
        e.LoggedModelPurged,
        e.LoggedModelTagsSet,
        e.LoggedModelTagsDeleted,
        e.LoggedModelParamsLogged,
        e.LoggedModelMetricsLogged,
        e.TraceLogged,
        e.TraceDeleted,
        e.TraceTagsSet,
        e.TraceTagsDeleted,
        e.TraceLinked,
        e.AssessmentLogged,
        e.AssessmentUpdated,
        e.AssessmentDeleted,
        e.RegisteredModelCreated,
        e.RegisteredModelUpdated,
        e.RegisteredModelRenamed,
        e.RegisteredModelDeleted,
        e.RegisteredModelTagsSet,
        e.RegisteredModelTagsDeleted,
        e.ModelVersionCreated,
        e.ModelVersionUpdated,
        e.ModelVersionStageSet,
        e.ModelVersionDeleted,
        e.ModelVersionTagsSet,
        e.ModelVersionTagsDeleted,
        e.ModelAliasSet,
        e.ModelAliasDeleted,
        e.LaunchRequested,
        e.LaunchClaimed,
        e.LaunchPrepared,
        e.LaunchStarted,
        e.LaunchHeartbeat,
        e.LaunchCancelRequested,
        e.LaunchEnded,
        e.LaunchLost,
        e.WriterReported,
        e.RunRewound,
        e.DeadLettered,
        e.DeadLetterResolved,
    )
}
_NESTED: dict[str, tuple[str, type]] = {
    "InputsLogged": ("datasets", e.DatasetInput),
    "ModelsLinked": ("outputs", e.ModelOutput),
    "LoggedModelMetricsLogged": ("metrics", e.ModelMetric),
    "TraceLogged": ("assessments", e.Assessment),
    "TraceLinked": ("prompts", e.PromptVersion),
    "AssessmentLogged": ("assessment", e.Assessment),
}
"""The field of an event that holds records (or one) of a class."""


def encode(event: e.Event) -> bytes:
    """Return the event as a message under the newest schema of its class."""
    body = event.body
    schema = newest()[type(body).__name__]
    header = MARKER + schema.fingerprint
    if isinstance(body, e.MetricsLogged):
        return header + metric_batch.encode(event.envelope, body)
    out = io.BytesIO()
    out.write(header)
    envelope = event.envelope
    record: dict[str, Any] = {
        "envelope": {
            "event_id": envelope.event_id,
            "occurred_at": envelope.occurred_at,
            "producer_id": envelope.producer_id,
            "sequence": envelope.sequence,
            "actor": envelope.actor,
        }
    }
    if schema.event_name in _NESTED:
        record |= asdict(body)
    else:
        record |= {name: getattr(body, name) for name in body.__slots__}
    schemaless_writer(out, schema.parsed, record)
    return out.getvalue()


def schema_of(message: bytes) -> SchemaFile:
    """Return the published schema that `message` was written with, from its header alone.

    Raises MalformedEvent where the header is not ours, UnknownSchema where no published schema has the
    fingerprint.
    """
    if len(message) < HEADER_SIZE or message[:2] != MARKER:
        raise MalformedEvent("message", bytes(message[:16]), "bytes that begin with C3 01 and a fingerprint")
    found = by_fingerprint().get(bytes(message[2:HEADER_SIZE]))
    if found is None:
        raise UnknownSchema(
            "message fingerprint", message[2:HEADER_SIZE].hex(), "the fingerprint of a published schema"
        )
    return found


def decode(message: bytes) -> e.Event:
    """Return the event that `message` holds, whatever published version it was written with.

    Raises MalformedEvent where it is truncated, has bytes behind its end or holds a value out of range.
    """
    schema = schema_of(message)
    try:
        if schema.event_name == "MetricsLogged":
            return metric_batch.decode(memoryview(message)[HEADER_SIZE:], schema)
        stream = io.BytesIO(message)
        stream.seek(HEADER_SIZE)
        record = schemaless_reader(
            stream, schema.parsed, newest()[schema.event_name].parsed, return_record_name=False
        )
        if stream.tell() != len(message):
            raise ValueError(f"{len(message) - stream.tell()} bytes behind the end of the event")
        return from_record(schema.event_name, record)
    except MalformedEvent:
        raise
    # fastavro's compiled reader raises whatever it stumbles over in damaged bytes (EOFError, IndexError,
    # UnicodeDecodeError, OverflowError, MemoryError for an absurd length ...).
    except Exception as error:
        where = f"{schema.event_name} message of {len(message)} bytes"
        raise MalformedEvent(where, f"{type(error).__name__}: {error}", "a whole event") from error


def from_record(event_name: str, record: Any) -> e.Event:
    """Return the event for a decoded Avro record of the newest schema of `event_name`."""
    envelope = record.pop("envelope")
    envelope["occurred_at"] = _millis(envelope["occurred_at"])
    for name in ("start_time", "end_time"):
        if record.get(name) is not None:
            record[name] = _millis(record[name])
    if event_name in _NESTED:
        name, cls = _NESTED[event_name]
        found = record[name]
        record[name] = [cls(**item) for item in found] if isinstance(found, list) else cls(**found)
    body: Any = _CLASSES[event_name](**record)
    return e.Event(e.Envelope(**envelope), body)


def _millis(value: Any) -> int:
    """fastavro gives a timestamp-millis as an aware datetime; we keep the integer."""
    return value if isinstance(value, int) else metric_batch.millis_of(value)
