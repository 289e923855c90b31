"""Which events of the log are told, and what they are called: entity.action, as MLflow's webhooks have it."""

from __future__ import annotations

import difflib
import fnmatch
from typing import TYPE_CHECKING, NamedTuple

from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection

EVENTS: dict[str, str] = {
    "experiment.created": topics.EXPERIMENTS,
    "experiment.deleted": topics.EXPERIMENTS,
    "experiment.restored": topics.EXPERIMENTS,
    "run.created": topics.RUNS,
    "run.finished": topics.RUNS,
    "run.failed": topics.RUNS,
    "run.killed": topics.RUNS,
    "run.deleted": topics.RUNS,
    "run.restored": topics.RUNS,
    "registered_model.created": topics.REGISTRY,
    "registered_model.deleted": topics.REGISTRY,
    "model_version.created": topics.REGISTRY,
    "model_version.deleted": topics.REGISTRY,
    "model_version_stage.set": topics.REGISTRY,
    "model_version_tag.set": topics.REGISTRY,
    "model_version_tag.deleted": topics.REGISTRY,
    "model_version_alias.created": topics.REGISTRY,
    "model_version_alias.deleted": topics.REGISTRY,
    "launch.created": topics.LAUNCHES,
    "launch.started": topics.LAUNCHES,
    "launch.finished": topics.LAUNCHES,
    "launch.failed": topics.LAUNCHES,
    "launch.cancelled": topics.LAUNCHES,
    "launch.lost": topics.LAUNCHES,
}
"""Every name, and the topic whose events it is made of."""
_NAMES: dict[type, str] = {
    e.ExperimentCreated: "experiment.created",
    e.ExperimentDeleted: "experiment.deleted",
    e.ExperimentRestored: "experiment.restored",
    e.RunStarted: "run.created",
    e.RunDeleted: "run.deleted",
    e.RunRestored: "run.restored",
    e.RegisteredModelCreated: "registered_model.created",
    e.RegisteredModelDeleted: "registered_model.deleted",
    e.ModelVersionCreated: "model_version.created",
    e.ModelVersionDeleted: "model_version.deleted",
    e.ModelVersionStageSet: "model_version_stage.set",
    e.ModelAliasSet: "model_version_alias.created",
    e.ModelAliasDeleted: "model_version_alias.deleted",
    e.LaunchRequested: "launch.created",
    e.LaunchStarted: "launch.started",
    e.LaunchLost: "launch.lost",
}


class Happening(NamedTuple):
    """Something to tell; an event that sets several tags is several of them."""

    name: str
    """One of EVENTS."""
    tag: str | None = None
    """Of an event about tags: which one."""


def happenings_of(body: e.Body) -> list[Happening]:
    """Return what an event tells, as far as it stands: nothing where it is not one of EVENTS."""
    match body:
        case e.RunUpdated(status=str(status)) if status in e.TERMINAL_STATUSES:
            return [Happening(f"run.{status.lower()}")]
        case e.LaunchEnded():
            return [Happening(f"launch.{body.outcome}")]
        case e.ModelVersionTagsSet():
            return [Happening("model_version_tag.set", key) for key in body.tags]
        case e.ModelVersionTagsDeleted():
            return [Happening("model_version_tag.deleted", key) for key in body.keys]
    name = _NAMES.get(type(body))
    return [] if name is None else [Happening(name)]


def wants(patterns: Collection[str], name: str) -> bool:
    """Whether one of the patterns, in which * stands for anything, means this event."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def check_patterns(patterns: Collection[str], field: str) -> None:
    """Raise InvalidInput for a pattern that means no event."""
    for pattern in patterns:
        if not any(wants([pattern], name) for name in EVENTS):
            close = difflib.get_close_matches(pattern, EVENTS, n=3, cutoff=0.5) or list(EVENTS)
            raise InvalidInput(field, pattern, f"events such as {', '.join(close[:5])}, or run.* and *")


def topics_of(patterns: Collection[str]) -> list[str]:
    """Return the topics that events with these names are on."""
    return sorted({topic for name, topic in EVENTS.items() if wants(patterns, name)})
