"""Stamping, encoding and appending, with retries: what the producer's thread does with a batch."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from trackstream.delivery import LogTrouble
from trackstream.log.port import EncodedEvent
from trackstream_schemas import codec, routing
from trackstream_schemas.errors import StorageFailed, Unavailable
from trackstream_schemas.events import Envelope, Event
from trackstream_schemas.ids import new_id
from trackstream_schemas.schema_files import by_fingerprint, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.log.port import LogWriter
    from trackstream.settings import Settings
    from trackstream.spool.overflow import Overflow
    from trackstream.writer_reports import WriterLedger
    from trackstream_schemas.events import Body
    from trackstream_schemas.position import Position


class Stamper:
    """Gives a producer's events their envelopes: sequences count from `sequence` without a gap."""

    def __init__(self, producer_id: str, sequence: int = 0) -> None:
        self.producer_id = producer_id
        self.sequence = sequence

    def encode(self, bodies: Sequence[Body], actor: str) -> list[EncodedEvent]:
        """Stamp and encode events; all of them or, where one cannot be encoded, none."""
        first, encoded = self.sequence, []
        try:
            for body in bodies:
                now = time.time_ns() // 1_000_000
                envelope = Envelope(new_id(), now, self.producer_id, self.sequence, actor)
                value = codec.encode(Event(envelope, body))
                encoded.append(EncodedEvent(routing.topic_of(body), routing.key_of(body), value))
                self.sequence += 1
        except BaseException:
            self.sequence = first
            raise
        return encoded


class Sender:
    """Appends one batch after the other. Used by one thread. `ledger` counts what is stamped."""

    def __init__(self, writer: LogWriter, settings: Settings, ledger: WriterLedger | None = None) -> None:
        self._writer = writer
        self._ledger = ledger
        self._first_pause = settings.retry_first_ms / 1000
        self._longest_pause = settings.retry_longest_ms / 1000
        self._trouble = LogTrouble()
        self.retries = 0
        # Read here, on the caller's thread: a fork while the sending thread loads schemas (which imports
        # modules) would leave the child with modules that are half imported for ever.
        newest()
        by_fingerprint()
        self.new_identity()

    def new_identity(self) -> None:
        """Go on as another producer, whose sequence begins at 0."""
        self._stamper = Stamper(new_id())
        if self._ledger is not None:
            self._ledger.begin_again()

    @property
    def producer_id(self) -> str:
        """Whom the next event will be stamped as coming from."""
        return self._stamper.producer_id

    def encode(self, bodies: Sequence[Body], actor: str) -> list[EncodedEvent]:
        """Stamp and encode events; all of them or, where one cannot be encoded, none."""
        first = self._stamper.sequence
        encoded = self._stamper.encode(bodies, actor)
        if self._ledger is not None:
            self._ledger.count(bodies, first)
        return encoded

    def append(self, events: Sequence[EncodedEvent]) -> list[Position]:
        """Append once. Raises the log's error, after which this sender is another producer.

        What was stamped may or may not be on the log, so its sequences must never be used again; those of
        a new identity have no gap.
        """
        try:
            return self._writer.append(events).result()
        except BaseException:
            self.new_identity()
            raise

    def deliver(
        self,
        overflow: Overflow,
        events: Sequence[EncodedEvent],
        points: Sequence[int],
        pressed: Callable[[], bool],
        given_up: Callable[[], bool],
    ) -> bool:
        """Bring events to the log (True) or the spool (False); see `Overflow.deliver`."""
        try:
            return overflow.deliver(events, points, self.producer_id, pressed, given_up)
        except BaseException:
            self.new_identity()
            raise

    def append_persistently(
        self,
        events: Sequence[EncodedEvent],
        pause: Callable[[float], None],
        given_up: Callable[[], bool],
    ) -> list[Position]:
        """Append, repeating the same bytes while the log cannot take them, until `given_up`."""
        delay = self._first_pause
        while True:
            try:
                return self._writer.append(events).result()
            except (Unavailable, StorageFailed) as error:
                if given_up():
                    self.new_identity()
                    raise
                self._trouble.tell(error)
            except BaseException:
                self.new_identity()
                raise
            self.retries += 1
            # Spread out, so that many trainers do not come back in step.
            pause(delay * random.uniform(0.75, 1.25))
            delay = min(delay * 2, self._longest_pause)
