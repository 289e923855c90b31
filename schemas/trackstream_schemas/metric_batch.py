"""The metric batch's Avro body, written and read a column at a time.

Plain Avro (any reader decodes it by the `.avsc`), but without a Python object per point: each array is
one block that announces its size in bytes (a negative count, as the specification allows), so that
numpy can take it whole. Bodies with other block layouts are read by fastavro.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from fastavro import schemaless_reader

from trackstream_schemas.events import Envelope, Event, MetricsLogged
from trackstream_schemas.schema_files import newest
from trackstream_schemas.varint import decode_column, decode_long, encode_column, encode_long

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trackstream_schemas.schema_files import SchemaFile

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis_of(moment: datetime) -> int:
    """Return milliseconds since the epoch, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def encode(envelope: Envelope, batch: MetricsLogged) -> bytes:
    """Return the Avro body of a batch; its four arrays must have one length."""
    count = len(batch.values)
    if not (len(batch.key_index) == len(batch.steps) == len(batch.timestamps) == count):
        raise ValueError("the arrays of a metric batch must have one length")
    parts = [
        _string(envelope.event_id),
        encode_long(envelope.occurred_at),
        _string(envelope.producer_id),
        encode_long(envelope.sequence),
        _string(envelope.actor),
        _string(batch.run_id),
        _string(batch.writer),
    ]
    if batch.keys:
        parts.append(encode_long(len(batch.keys)))
        parts.extend(_string(key) for key in batch.keys)
    parts.append(b"\x00")
    columns = (batch.key_index.astype(np.int64), _deltas(batch.steps), _deltas(batch.timestamps))
    parts.extend(_block(count, encode_column(column)) for column in columns)
    parts.append(_block(count, np.ascontiguousarray(batch.values, dtype="<f8").tobytes()))
    return b"".join(parts)


def decode(body: memoryview, schema: SchemaFile) -> Event:
    """Return the event whose Avro body is `body`. Raises ValueError where it is not a whole batch."""
    at = 0
    event_id, at = _read_string(body, at)
    occurred_at, at = decode_long(body, at)
    producer_id, at = _read_string(body, at)
    sequence, at = decode_long(body, at)
    actor, at = _read_string(body, at)
    run_id, at = _read_string(body, at)
    writer, at = _read_string(body, at)
    try:
        keys, at = _read_keys(body, at)
        index_count, index_bytes, at = _read_block(body, at)
        step_count, step_bytes, at = _read_block(body, at)
        time_count, time_bytes, at = _read_block(body, at)
        value_count, value_bytes, at = _read_block(body, at)
    except _OtherLayout:
        return _decode_by_fastavro(body, schema)
    if at != len(body):
        raise ValueError(f"{len(body) - at} bytes behind the end of the batch")
    if not (index_count == step_count == time_count == value_count):
        raise ValueError(f"arrays of {index_count}, {step_count}, {time_count} and {value_count} items")
    if len(value_bytes) != 8 * value_count:
        raise ValueError(f"{len(value_bytes)} bytes of values for {value_count} points")
    return _event(
        Envelope(event_id, occurred_at, producer_id, sequence, actor),
        run_id,
        writer,
        keys,
        decode_column(index_bytes, index_count),
        decode_column(step_bytes, step_count),
        decode_column(time_bytes, time_count),
        np.frombuffer(value_bytes, dtype="<f8"),
    )


def _event(
    envelope: Envelope,
    run_id: str,
    writer: str,
    keys: tuple[str, ...],
    key_index: NDArray[np.int64],
    step_deltas: NDArray[np.int64],
    timestamp_deltas: NDArray[np.int64],
    values: NDArray[np.float64],
) -> Event:
    if len(key_index) and not (key_index.min() >= 0 and key_index.max() < len(keys)):
        raise ValueError(f"key index outside the {len(keys)} keys of the batch")
    batch = MetricsLogged(
        run_id=run_id,
        writer=writer,
        keys=keys,
        key_index=key_index.astype(np.int32),
        steps=np.cumsum(step_deltas),
        timestamps=np.cumsum(timestamp_deltas),
        values=values,
    )
    return Event(envelope, batch)


def _decode_by_fastavro(body: memoryview, schema: SchemaFile) -> Event:
    stream = io.BytesIO(body)
    reader_schema = newest()[schema.event_name].parsed
    record: Any = schemaless_reader(stream, schema.parsed, reader_schema, return_record_name=False)
    if stream.tell() != len(body):
        raise ValueError(f"{len(body) - stream.tell()} bytes behind the end of the batch")
    indexes, steps, timestamps = (
        np.array(record[name], dtype=np.int64) for name in ("key_index", "step_deltas", "timestamp_deltas")
    )
    values = np.array(record["values"], dtype=np.float64)
    if not (len(indexes) == len(steps) == len(timestamps) == len(values)):
        raise ValueError("arrays of different lengths")
    envelope = record["envelope"]
    envelope["occurred_at"] = millis_of(envelope["occurred_at"])
    return _event(
        Envelope(**envelope),
        record["run_id"],
        record["writer"],
        tuple(record["keys"]),
        indexes,
        steps,
        timestamps,
        values,
    )


class _OtherLayout(Exception):
    """The arrays are laid out in blocks that another Avro writer chose."""


def _deltas(column: NDArray[np.int64]) -> NDArray[np.int64]:
    deltas = np.array(column, dtype=np.int64)
    deltas[1:] -= column[:-1]
    return deltas


def _string(text: str) -> bytes:
    data = text.encode()
    return encode_long(len(data)) + data


def _block(count: int, items: bytes) -> bytes:
    if count == 0:
        return b"\x00"
    return encode_long(-count) + encode_long(len(items)) + items + b"\x00"


def _read_string(body: memoryview, at: int) -> tuple[str, int]:
    size, at = decode_long(body, at)
    if size < 0 or at + size > len(body):
        raise ValueError(f"string of {size} bytes at byte {at} of {len(body)}")
    return str(body[at : at + size], "utf-8"), at + size


def _read_keys(body: memoryview, at: int) -> tuple[tuple[str, ...], int]:
    count, at = decode_long(body, at)
    if count == 0:
        return (), at
    if count < 0:
        raise _OtherLayout
    if count > len(body) - at:
        raise ValueError(f"{count} keys announced in {len(body) - at} bytes")
    keys = []
    for _ in range(count):
        key, at = _read_string(body, at)
        keys.append(key)
    end, at = decode_long(body, at)
    if end != 0:
        raise _OtherLayout
    return tuple(keys), at


def _read_block(body: memoryview, at: int) -> tuple[int, memoryview, int]:
    """Return the number of items of a one-block array, its bytes, and the place behind it."""
    count, at = decode_long(body, at)
    if count == 0:
        return 0, body[at:at], at
    if count > 0:
        raise _OtherLayout
    size, at = decode_long(body, at)
    if size < 0 or at + size > len(body) or -count > size:
        raise ValueError(f"array of {-count} items in {size} bytes at byte {at} of {len(body)}")
    end, behind = decode_long(body, at + size)
    if end != 0:
        raise _OtherLayout
    return -count, body[at : at + size], behind
