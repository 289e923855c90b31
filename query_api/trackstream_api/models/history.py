"""What happened to an entity, and how two moments of it differ."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trackstream_api.models.base import Model


class ChangedValue(Model):
    """One value that an event changed."""

    field: str = Field(description="Such as status or params.lr")
    before: Any = Field(description="null: it was not there")
    after: Any = Field(description="null: it is gone")


class HistoryEntry(Model):
    """One event of the entity."""

    type: str = Field(description="Such as RunStarted")
    position: str = Field(description="Where it stands on the log: topic:partition:offset")
    occurred_at: int = Field(description="When, by the producer's clock, milliseconds since the epoch")
    actor: str = Field(description="On whose behalf; empty where not known")
    producer_id: str
    sequence: int
    event_id: str
    changes: list[ChangedValue] = Field(description="Empty where it had no effect, as for a repeat")
    body: dict[str, Any] = Field(description="What the event says")


class HistoryPage(Model):
    """Events of one entity, the first one first."""

    entries: list[HistoryEntry]
    next_page_token: str | None


class DiffSide(Model):
    """One of the two that are compared."""

    run_id: str
    name: str
    moment: str = Field(description="As it was asked for")
    version: str = Field(description="Position of the run's last event that is in")


class Difference(Model):
    """One value that differs."""

    field: str = Field(description="Such as status, params.lr, tags.team or metrics.loss")
    a: Any = Field(description="null: it is not there")
    b: Any = Field(description="null: it is not there")


class RunDiff(Model):
    """How two runs, or two moments of one, differ."""

    a: DiffSide
    b: DiffSide
    differences: list[Difference]
