"""What a model's own file, `MLmodel`, says of it. The file is a user's: read as data, with limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped,unused-ignore]  # it has no stubs

_LONGEST = 1 << 20
_MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Column:
    """An input or output of a model."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class MLModel:
    """Flavors, signature and size, as far as they are there."""

    flavors: tuple[str, ...]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    size: int | None
    made_at: str
    mlflow_version: str


def read_mlmodel(content: str) -> MLModel | None:
    """Return what the file says; None for what is no such file."""
    if len(content) > _LONGEST:
        return None
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    flavors = found.get("flavors")
    signature = found.get("signature")
    signature = signature if isinstance(signature, dict) else {}
    size = found.get("model_size_bytes")
    return MLModel(
        tuple(sorted(filter(None, map(_text, flavors)))) if isinstance(flavors, dict) else (),
        _columns(signature.get("inputs")),
        _columns(signature.get("outputs")),
        size if isinstance(size, int) else None,
        _text(found.get("utc_time_created"))[:19],
        _text(found.get("mlflow_version")),
    )


def _text(value: Any) -> str:
    # No other kind: with YAML's aliases a small text can name a huge value.
    return value if isinstance(value, str) else ""


def _columns(text: Any) -> tuple[Column, ...]:
    try:
        listed = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return ()
    if not isinstance(listed, list):
        return ()
    return tuple(_column(one) for one in listed[:_MOST_COLUMNS] if isinstance(one, dict))


def _column(one: dict[str, Any]) -> Column:
    tensor = one.get("tensor-spec")
    kind = str(one.get("type", ""))
    if isinstance(tensor, dict):
        kind = f"{tensor.get('dtype', '')}{tensor.get('shape', '')}"
    return Column(str(one.get("name") or ""), kind, bool(one.get("required", True)))
