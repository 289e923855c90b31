"""What the history of a registered model tells: who promoted what, and where an alias pointed before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORDS = {
    "RegisteredModelCreated": "made the model",
    "RegisteredModelRenamed": "renamed the model",
    "RegisteredModelUpdated": "described the model",
    "RegisteredModelDeleted": "deleted the model",
    "RegisteredModelTagsSet": "tagged the model",
    "RegisteredModelTagsDeleted": "removed tags of the model",
    "ModelVersionCreated": "registered a version",
    "ModelVersionUpdated": "described a version",
    "ModelVersionDeleted": "deleted a version",
    "ModelVersionTagsSet": "tagged a version",
    "ModelVersionTagsDeleted": "removed tags of a version",
    "ModelVersionStageSet": "moved a version to a stage",
    "ModelAliasSet": "pointed an alias",
    "ModelAliasDeleted": "deleted an alias",
}
_UNTOLD = frozenset(
    {"created_at", "updated_at", "last_version", "registered_model_id", "lifecycle_stage", "creation_id"}
)
"""What follows from the event itself."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """An event that moved an alias or a stage, or another act on the model."""

    at: int
    actor: str
    what: str
    changes: tuple[tuple[str, str, str], ...]
    """Field, before, after; as people read them."""
    position: str


def promotions(entries: Sequence[Mapping[str, Any]], version: int | None = None) -> list[Promotion]:
    """Return the acts, the newest first; with a `version` only those that concern it."""
    found = []
    for entry in entries:
        changes = [change for change in entry["changes"] if version is None or _concerns(change, version)]
        if not changes:
            continue
        changes = [change for change in changes if change["field"].rpartition(".")[2] not in _UNTOLD]
        shown = tuple(
            (_field(change["field"]), _value(change["before"]), _value(change["after"])) for change in changes
        )
        what = _WORDS.get(entry["type"], entry["type"])
        found.append(Promotion(entry["occurred_at"], entry["actor"], what, shown, entry["position"]))
    return found[::-1]


def version_before(entries: Sequence[Mapping[str, Any]], alias: str, kept: Sequence[int]) -> int | None:
    """Return the version that an alias pointed at before the one now; None where that is none of `kept`."""
    places = [
        change["after"]
        for entry in entries
        for change in entry["changes"]
        if change["field"] == f"aliases.{alias}" and isinstance(change["after"], int)
    ]
    now = places[-1] if places else None
    return next((place for place in reversed(places) if place != now and place in kept), None)


def _concerns(change: Mapping[str, Any], version: int) -> bool:
    field = str(change["field"])
    if field.startswith("aliases."):
        return version in (change["before"], change["after"])
    return field == f"stages.{version}" or field.startswith(f"versions.{version}.")


def _field(field: str) -> str:
    head, _, rest = field.partition(".")
    if head == "aliases":
        return f"alias {rest}"
    if head == "stages":
        return f"stage of version {rest}"
    if head == "versions":
        number, _, inner = rest.partition(".")
        return f"version {number}: {inner.replace('tags.', 'tag ')}"
    return f"tag {rest}" if head == "tags" else field


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"version {value}" if isinstance(value, int) and value < 10**9 else str(value)
