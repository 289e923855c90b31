"""Records that projectors gave up, and what became of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from trackstream_api.models.base import Model, Request

LetterState = Literal["open", "retried", "dropped"]


class DeadLetter(Model):
    """A record that a projector gave up."""

    projector: str
    topic: str
    partition: int
    offset: int
    key: str
    value: str = Field(description="The record as it stood on the log, base64")
    error_type: str
    error_message: str
    occurred_at: int = Field(description="When it was given up, milliseconds since the epoch")
    state: LetterState = Field(description="open, or what became of it")
    reason: str = Field(description="Why it was retried or dropped; empty while open")
    resolved_by: str = Field(description="Who retried or dropped it; empty where not known")
    resolved_at: int | None = Field(description="When; null while open")


class DeadLetters(Model):
    """The newest first."""

    dead_letters: list[DeadLetter]


class DeadLetterDetail(Model):
    """A dead letter with its record as far as it can be read."""

    letter: DeadLetter
    schema_name: str | None = Field(description="Event and version of the record's schema; null if unknown")
    event: dict[str, Any] | None = Field(
        description="The event, as /api/v1/stream shows it; null if unreadable"
    )
    unreadable: str | None = Field(description="Why the event cannot be read; null if it can")


class Resolve(Request):
    """Who decides, and why."""

    reason: str = Field(default="", max_length=5000)
    actor: str = Field(default="", max_length=500)


class DeadLetterResolution(Model):
    """What became of a dead letter."""

    letter: DeadLetter
    position: str | None = Field(description="Where the record was appended again; null where it was dropped")
    given_up_again: bool = Field(description="Whether the record was given up at its new place too")
