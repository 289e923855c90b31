"""Spans as OpenTelemetry's messages in JSON, from the file that a tracer uploads.

Source: mlflow.entities.span.Span.to_dict (the file) and opentelemetry.proto.trace.v1 in protobuf's JSON.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from trackstream_api.mlflow.messages import present
from trackstream_schemas.errors import StorageFailed

_TRACE_PREFIX = "tr-"


def span_messages(content: bytes) -> list[dict[str, Any]]:
    """Return the spans of a traces.json. Raises StorageFailed where it is not one."""
    try:
        return [_span(item) for item in json.loads(content)["spans"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageFailed(f"the trace's spans cannot be read: {type(error).__name__}: {error}") from error


def _span(item: dict[str, Any]) -> dict[str, Any]:
    status = item.get("status") or {}
    return present(
        trace_id=item["trace_id"],
        span_id=item["span_id"],
        parent_span_id=item.get("parent_span_id") or None,
        name=item["name"],
        start_time_unix_nano=str(item["start_time_unix_nano"]),
        end_time_unix_nano=str(item["end_time_unix_nano"]) if item.get("end_time_unix_nano") else None,
        attributes=_attributes(item.get("attributes"), dumped=True),
        events=[
            present(
                name=event["name"],
                time_unix_nano=str(event["time_unix_nano"]),
                attributes=_attributes(event.get("attributes")),
            )
            for event in item.get("events") or ()
        ],
        links=[
            present(
                trace_id=_id_bytes(link["trace_id"].removeprefix(_TRACE_PREFIX)),
                span_id=_id_bytes(link["span_id"]),
                attributes=_attributes(link.get("attributes")),
            )
            for link in item.get("links") or ()
        ],
        status=present(code=status.get("code"), message=status.get("message") or None),
    )


def _attributes(found: dict[str, Any] | None, *, dumped: bool = False) -> list[dict[str, Any]]:
    """Return KeyValues; with `dumped` each value is JSON text, as tracers keep a span's attributes."""
    return [
        {"key": key, "value": _any(_loaded(value) if dumped else value)}
        for key, value in (found or {}).items()
    ]


def _loaded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _any(value: Any) -> dict[str, Any]:
    """Return an AnyValue; null is the one without a value."""
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case int():
            return {"int_value": str(value)} if -(2**63) <= value < 2**63 else {"double_value": float(value)}
        case float():
            return {"double_value": value}
        case list():
            return {"array_value": {"values": [_any(item) for item in value]}}
        case dict():
            items = [{"key": str(key), "value": _any(item)} for key, item in value.items()]
            return {"kvlist_value": {"values": items}}
    return {"string_value": str(value)}


def _id_bytes(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
