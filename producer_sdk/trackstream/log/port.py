"""What a log writer must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


class EncodedEvent(NamedTuple):
    """An event ready to be appended."""

    topic: str
    key: str
    value: bytes
    """Avro single-object encoding."""


class LogWriter(Protocol):
    """Appends to the log. Thread-safe; events of one key keep the order in which they were appended."""

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        """Append all events or none, in order.

        The future resolves to their positions once the log has acknowledged them (SQLite: committed and
        synced; Kafka: acks=all), or to Unavailable (appending the same events again may help, and can
        double none: see the envelope's producer_id and sequence) or StorageFailed. May block up to the
        adapter's own time limit; never raises.
        """
        ...

    def history(self, topic: str, key: str) -> list[Event] | None:
        """Return all events of an entity in log order, or None where this log cannot look up by key."""
        ...

    def close(self) -> None:
        """Release the connection; pending appends are finished first."""
        ...
