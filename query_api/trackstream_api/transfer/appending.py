"""Events onto the destination's log: checked like those of any producer, in bounded batches, in order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_api.ingest.events import encoded_events
from trackstream_schemas import codec
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trackstream.log.port import LogWriter
    from trackstream_schemas.events import Envelope, Event

_BATCH_EVENTS = 1000
_BATCH_BYTES = 4 << 20
_PATIENCE_S = 60.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Appender:
    """Gathers events and appends them; what is flushed is on the log. Used by one thread."""

    def __init__(self, writer: LogWriter, patience_s: float = _PATIENCE_S) -> None:
        """`patience_s`: how long a log that does not take events is tried again."""
        self._writer = writer
        self._patience_s = patience_s
        self._events: list[EncodedEvent] = []
        self._bytes = 0
        self._highest: dict[str, int] = {}
        self.appended = 0
        """Events that are on the log."""

    def add(self, events: Iterable[Event]) -> None:
        """Append events; some of them at once, the rest by the next flush.

        Raises EventRefused for the first that no producer may append, and the log's errors.
        """
        for event in events:
            self.add_message(codec.encode(event), event.envelope)

    def add_message(self, message: bytes, envelope: Envelope) -> None:
        """Append an event that is encoded already. Raises like `add`."""
        (checked,) = encoded_events(ingest_request([EncodedEvent("", "", message)]))
        if envelope.sequence < self._highest.get(envelope.producer_id, 0):
            # Of another topic, or a repeat: no order within one append could be right for it.
            self.flush()
        self._events.append(checked)
        self._bytes += len(message)
        self._highest[envelope.producer_id] = envelope.sequence
        if len(self._events) >= _BATCH_EVENTS or self._bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Return once everything that was added is on the log. Raises Unavailable or StorageFailed."""
        if self._events:
            self._append(self._events)
            self.appended += len(self._events)
        self._events, self._bytes, self._highest = [], 0, {}

    def holds(self, topic: str, key: str, last: Envelope) -> bool:
        """Whether the log shows an event of an entity; False where the log cannot look it up."""
        history = self._writer.history(topic, key)
        wanted = last.producer_id, last.sequence
        return any((found.envelope.producer_id, found.envelope.sequence) == wanted for found in history or ())

    def history(self, topic: str, key: str) -> list[Event] | None:
        """Return an entity's events on the log, or None where the log cannot look them up."""
        return self._writer.history(topic, key)

    def _append(self, events: Sequence[EncodedEvent]) -> None:
        deadline = time.monotonic() + self._patience_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                self._writer.append(events).result(self._patience_s)
                return
            except (Unavailable, TimeoutError) as error:
                if time.monotonic() + pause > deadline:
                    raise Unavailable(
                        f"the log has not taken events for {self._patience_s:.0f} s ({error}); once it does,"
                        " the same command goes on and doubles nothing"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
