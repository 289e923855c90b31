"""What a stream needs of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trackstream_api.as_of.moment import LogClock
from trackstream_schemas import topics

if TYPE_CHECKING:
    from trackstream_schemas.events import Event

STREAMED_TOPICS = tuple(topic for topic in topics.EVENT_TOPICS if topic != topics.ARTIFACT_BYTES)
"""Chunks of contents are left out: whoever wants a content gets it whole, by its artifact."""


class EntityLog(Protocol):
    """The part of a log writer that finds an entity's events."""

    def history(self, topic: str, key: str) -> list[Event] | None:
        """Return the events with this key in log order, or None where the log cannot look them up."""
        ...


class StreamSource(LogClock, Protocol):
    """A log that can be streamed. Thread-safe."""

    @property
    def log(self) -> EntityLog:
        """Where an entity's events are looked up."""
        ...
