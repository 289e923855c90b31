"""The log of a process that never connects: only what its spool directory holds."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from trackstream.spool.log import SpoolLog
from trackstream.spool.place import spools_in
from trackstream_schemas.errors import NotFound, StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trackstream.log.port import EncodedEvent
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


class OfflineLog:
    """Answers from the spools in a directory; what they do not mention is unknown, not absent."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        future: Future[list[Position]] = Future()
        future.set_exception(Unavailable("an offline process has no log"))
        return future

    def history(self, topic: str, key: str) -> list[Event] | None:
        found: list[Event] = []
        for path in spools_in(self._directory):
            try:
                spool = SpoolLog(path)
            except (StorageFailed, Unavailable, NotFound):
                continue  # Damaged, or forwarded and removed meanwhile.
            try:
                found += spool.history(topic, key) or []
            finally:
                spool.close()
        found.sort(key=lambda event: event.envelope.occurred_at)
        return found or None

    def close(self) -> None:
        """Nothing is open."""
