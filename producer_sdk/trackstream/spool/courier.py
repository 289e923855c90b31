"""The thread that carries events to the log: what it is handed, and what is in the spool."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from trackstream.delivery import Count, LogTrouble, logger
from trackstream.exit_hooks import held_back
from trackstream.spool.forwarding import forward
from trackstream_schemas.errors import StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.log.port import EncodedEvent
    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Destination, Refusal
    from trackstream.spool.log import SpoolLog
    from trackstream_schemas.position import Position


class Parcel:
    """Events on their way to the log from memory."""

    def __init__(self, events: Sequence[EncodedEvent], count: Count) -> None:
        self.events = events
        self.count = count
        self.positions: list[Position] | None = None
        """Set once the log has acknowledged them."""
        self.error: BaseException | None = None
        """Set where the log refused them for good."""
        self.spooled_as: int | None = None
        """The number of its last event in the spool, once it is there too."""

    @property
    def concluded(self) -> bool:
        """Whether the log has taken or refused it."""
        return self.positions is not None or self.error is not None


class Courier:
    """Appends one thing after the other, for ever, until it is stopped. `changed` is its producer's.

    A parcel that is in the spool too is given up for the spool's copy when an attempt fails. `on_forwarded`
    is called, without the lock, for what left the spool.
    """

    def __init__(
        self,
        to: Destination,
        settings: Settings,
        changed: threading.Condition,
        on_forwarded: Callable[[Count, list[Refusal]], None],
    ) -> None:
        self._to = to
        self._settings = settings
        self._changed = changed
        self._on_forwarded = on_forwarded
        self._thread: threading.Thread | None = None
        self._parcel: Parcel | None = None
        self._spool: SpoolLog | None = None
        self._stopping = False
        self._ended = False
        self._trouble = LogTrouble()
        self.spooled = self.forwarded = 0
        """Numbers of the last event in the spool, and of the last one that is on the log."""
        self.retries = 0

    # The lock is held by the callers of these.

    def hand_over(self, parcel: Parcel) -> None:
        """Begin to append a parcel; there is no other."""
        self._parcel = parcel
        self._wake()

    def follow(self, spool: SpoolLog, spooled: int) -> None:
        """Forward a spool, whose last event has the number `spooled`."""
        self._spool, self.spooled = spool, spooled
        self._wake()

    def unfollow(self) -> None:
        """Forget the spool, all of which is on the log."""
        self._spool = None
        self.spooled = self.forwarded = 0

    def stop(self) -> None:
        """Begin nothing more; an append that is under way may still reach the log."""
        self._stopping = True
        self._changed.notify_all()

    @property
    def drained(self) -> bool:
        """Whether all that was spooled is on the log."""
        return self.forwarded >= self.spooled

    @property
    def idle(self) -> bool:
        """Whether the thread is in nothing, so that what it uses may be closed."""
        return self._thread is None or self._ended

    def _wake(self) -> None:
        if self._thread is None and not self._stopping:
            with held_back():
                self._thread = threading.Thread(target=self._work, name="trackstream-courier", daemon=True)
                self._thread.start()
        self._changed.notify_all()

    # What follows runs on the thread.

    def _work(self) -> None:
        try:
            self._carry()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _carry(self) -> None:
        delay = self._settings.retry_first_ms / 1000
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._parcel or not self.drained)
                if self._stopping:
                    return
                parcel, spool = self._parcel, self._spool
            try:
                if parcel is not None:
                    self._append(parcel)
                elif spool is not None:
                    self._forward(spool)
                delay = self._settings.retry_first_ms / 1000
                continue
            except (Unavailable, StorageFailed) as error:
                self._trouble.tell(error)
            # The thread must outlive whatever a writer raises: nobody else would send what follows.
            except Exception as error:  # noqa: BLE001
                logger.error("events could not be forwarded, trying again: %r", error)
            self.retries += 1
            with self._changed:
                if parcel is not None and parcel.spooled_as is not None:
                    self._parcel = None
                # Spread out, so that many trainers do not come back in step.
                until = time.monotonic() + delay * random.uniform(0.75, 1.25)
                while not self._stopping and (left := until - time.monotonic()) > 0:
                    self._changed.wait(left)
            delay = min(delay * 2, self._settings.retry_longest_ms / 1000)

    def _append(self, parcel: Parcel) -> None:
        positions: list[Position] = []
        failure: BaseException | None = None
        try:
            positions = self._to.writer.append(parcel.events).result()
        except (Unavailable, StorageFailed):
            raise
        except BaseException as error:  # noqa: BLE001
            failure = error
        with self._changed:
            self._parcel = None
            spool, number = self._spool, parcel.spooled_as
            if failure is None:
                parcel.positions = positions
            else:
                # Where it is spooled, forwarding it from there finds which event it is.
                parcel.error = failure
            self._changed.notify_all()
        if failure is None and number is not None and spool is not None:
            self.note_forwarded(spool, number)
            self._on_forwarded(parcel.count, [])

    def note_forwarded(self, spool: SpoolLog, number: int) -> None:
        """Note that the log has all of the spool up to `number`, which it had from memory."""
        spool.mark_forwarded(number, keep=False)
        with self._changed:
            self.forwarded = max(self.forwarded, number)
            self._changed.notify_all()

    def _forward(self, spool: SpoolLog) -> None:
        chunk = spool.waiting(self._settings.batch_records, self._settings.batch_bytes)
        if not chunk:
            with self._changed:
                self.forwarded = self.spooled
                self._changed.notify_all()
            return
        count, refusals = forward(spool, self._to, chunk, keep=False)
        self._on_forwarded(count, refusals)
        with self._changed:
            self.forwarded = max(self.forwarded, chunk[-1].number)
            self._changed.notify_all()
