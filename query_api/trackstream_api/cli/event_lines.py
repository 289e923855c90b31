"""Events of the log as lines for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.output import cell, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KINDS = {
    "trackstream.experiments": "experiment",
    "trackstream.runs": "run",
    "trackstream.metrics": "run",
    "trackstream.artifacts": "run",
    "trackstream.logged-models": "logged model",
    "trackstream.traces": "trace",
    "trackstream.registry": "model",
    "trackstream.launches": "launch",
    "trackstream.dead-letters": "record",
}
_IDS = frozenset(
    {"experiment_id", "run_id", "model_id", "trace_id", "registered_model_id", "launch_id", "claim_id"}
)
_LONGEST_VALUE = 60
_MOST_METRICS = 6


def line_of(event: Mapping[str, Any]) -> str:
    """Return an event of /api/v1/stream in one line: when the log took it, its type, its entity, and what."""
    moment = datetime.fromtimestamp(event["appended_at"] / 1000).isoformat(" ", "milliseconds")
    kind = _KINDS.get(event["topic"], event["topic"])
    return f"{moment}  {event['type']:<20}  {kind} {cell(event['key'])}  {what_of(event)}".rstrip()


def what_of(event: Mapping[str, Any]) -> str:
    """Return what an event says beyond its entity."""
    if "error" in event:
        return f"{event['size']} bytes that cannot be read: {cell(event['error'])}"
    body = event["body"]
    if event["type"] == "MetricsLogged":
        return _metrics(body)
    return "  ".join(f"{name}={_short(value)}" for name, value in _values(body, event["key"]))


def _metrics(body: Mapping[str, Any]) -> str:
    shown = [
        f"{cell(key)}={_short(_number(found['value']))} at step {found['step']}"
        for key, found in list(body["metrics"].items())[:_MOST_METRICS]
    ]
    more = len(body["metrics"]) - len(shown)
    if more:
        shown.append(f"and {counted(more, 'more metric')}")
    writer = f" by {cell(body['writer'])}" if body["writer"] else ""
    return f"{counted(body['points'], 'point')}{writer}: {', '.join(shown)}"


def _values(body: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yield what is set, the items of maps by their own names; the entity's own id stands before."""
    for name, value in body.items():
        if name in _IDS and value == key:
            continue
        if isinstance(value, dict):
            yield from ((cell(inner), item) for inner, item in value.items())
        elif value not in (None, "", [], {}):
            yield name, value


def _number(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)


def _short(value: Any) -> str:
    text = cell(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
