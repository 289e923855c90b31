"""Answers without what differs from one telling to the next: ids become names, moments become `<time>`."""

from __future__ import annotations

from typing import Any

_MOMENTS = {"start_time", "end_time", "created_at", "updated_at", "logged_at", "occurred_at"}
_IDS = {"event_id", "producer_id"}
_OF_THE_MACHINE = {"next_page_token"}


def normal(value: Any, names: dict[str, str]) -> Any:
    """Return `value` with every id in `names` replaced, wherever it stands."""
    if isinstance(value, dict):
        return {names.get(key, key): _field(key, item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item, names) for item in value]
    if isinstance(value, str):
        for run_id, name in names.items():
            value = value.replace(run_id, name)
    return value


def _field(key: str, item: Any, names: dict[str, str]) -> Any:
    if key in _MOMENTS:
        return item if item is None else "<time>"
    if key in _IDS:
        return "<id>"
    if key in _OF_THE_MACHINE:
        return item is not None
    return normal(item, names)
