"""Data sets that a run read, from whatever describes one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.events import DatasetInput

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTEXT_TAG = "mlflow.data.context"


def dataset_input(
    dataset: Any, context: str | None = None, tags: Mapping[str, Any] | None = None
) -> DatasetInput:
    """Return the event's form of a data set.

    `dataset` has `name`, `digest` and `source` (text, or an object with a `to_json`), and may have
    `source_type`, `schema` and `profile`; a mapping with these keys does too, and so does an object whose
    `to_dict` gives one (mlflow.data.Dataset). Raises InvalidInput where one is missing.
    """
    fields = dataset.to_dict() if callable(getattr(dataset, "to_dict", None)) else dataset
    texts = {name: _text(_field(fields, name)) for name in ("name", "digest", "source")}
    for name, text in texts.items():
        if not text:
            raise InvalidInput(f"dataset {name}", text, "a text that is not empty")
    checked = {
        key: validate.tag_value(value, validate.key(key, "tag name")) for key, value in (tags or {}).items()
    }
    if context is not None:
        checked[CONTEXT_TAG] = validate.tag_value(context, CONTEXT_TAG)
    return DatasetInput(
        **texts,
        source_type=_text(_field(fields, "source_type")) or "local",
        schema=_text(_field(fields, "schema")) or None,
        profile=_text(_field(fields, "profile")) or None,
        tags=checked,
    )


def _field(fields: Any, name: str) -> Any:
    return fields.get(name) if isinstance(fields, dict) else getattr(fields, name, None)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if callable(getattr(value, "to_json", None)):
        return str(value.to_json())
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
