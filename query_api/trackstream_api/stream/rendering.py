"""Records as the JSON objects that a stream shows."""

from __future__ import annotations

import base64
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trackstream_schemas import codec
from trackstream_schemas import events as e

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trackstream_consumers.log.port import LogRecord

UNREADABLE = "Unreadable"
"""Type of what stands for a record that is no event."""


def place_of(record: LogRecord) -> dict[str, Any]:
    """Return where a record stands and when the log took it."""
    position = record.position
    return {**position._asdict(), "key": record.key, "appended_at": record.appended_at}


def rendered(record: LogRecord, points: bool = False) -> dict[str, Any]:
    """Return a record as a JSON object: place, envelope and body.

    Metric points are summed up by key unless `points`. Raises MalformedEvent.
    """
    event = codec.decode(record.value)
    return {
        "type": type(event.body).__name__,
        **place_of(record),
        **asdict(event.envelope),
        "body": body_of(event.body, points),
    }


def unreadable(record: LogRecord, error: Exception) -> dict[str, Any]:
    """Return what stands for a record that cannot be decoded."""
    return {"type": UNREADABLE, **place_of(record), "error": str(error), "size": len(record.value)}


def body_of(body: e.Body, points: bool = False) -> dict[str, Any]:
    """Return an event's body as JSON: bytes in base64, NaN and the infinities as strings."""
    if isinstance(body, e.MetricsLogged):
        return _all_points(body) if points else _summary(body)
    if isinstance(body, e.DeadLettered):
        # The record may be as large as any; it is shown by the route for dead letters.
        return {**_jsonable(asdict(body) | {"value": None}), "value_bytes": len(body.value)}
    found: dict[str, Any] = _jsonable(asdict(body))
    return found


def _all_points(body: e.MetricsLogged) -> dict[str, Any]:
    return {
        "run_id": body.run_id,
        "writer": body.writer,
        "points": len(body),
        "keys": list(body.keys),
        "key_index": body.key_index.tolist(),
        "steps": body.steps.tolist(),
        "timestamps": body.timestamps.tolist(),
        "values": _jsonable(body.values.tolist()),
    }


def _summary(body: e.MetricsLogged) -> dict[str, Any]:
    """Return per key how many points, over which steps, and the last one in the order of logging."""
    import numpy as np

    order = np.argsort(body.key_index, kind="stable")
    index, first = np.unique(body.key_index[order], return_index=True)
    ends = np.append(first[1:], len(order))
    metrics = {
        body.keys[key]: _summed_up(body, order[start:end])
        for key, start, end in zip(index.tolist(), first.tolist(), ends.tolist(), strict=True)
    }
    return {"run_id": body.run_id, "writer": body.writer, "points": len(body), "metrics": metrics}


def _summed_up(body: e.MetricsLogged, points: NDArray[np.int64]) -> dict[str, Any]:
    steps, last = body.steps[points], points[-1]
    return {
        "points": len(points),
        "first_step": int(steps.min()),
        "last_step": int(steps.max()),
        "value": _jsonable(float(body.values[last])),
        "step": int(body.steps[last]),
        "timestamp": int(body.timestamps[last]),
    }


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
