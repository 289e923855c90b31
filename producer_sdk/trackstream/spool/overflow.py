"""Durability=memory: events go straight to the log, and to a spool only while it does not take them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream.delivery import Count, logger
from trackstream.spool.courier import Courier, Parcel
from trackstream.spool.forwarding import count_of
from trackstream.spool.log import Outgoing, SpoolFull
from trackstream.spool.place import OwnedSpool
from trackstream_schemas.errors import TrackstreamError, Unavailable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trackstream.log.port import EncodedEvent
    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Destination, Refusal

_LOOK_EVERY_S = 0.05


class Overflow:
    """One producer's way to the log. `deliver` is for the producer's thread.

    Once something is in the spool, everything later goes there too, until the courier has brought all of
    it to the log: so the order stays. `pressed()` tells that memory runs out, `given_up()` that the
    producer ends.
    """

    def __init__(
        self,
        directory: Path,
        uri: str,
        to: Destination,
        settings: Settings,
        changed: threading.Condition,
        on_forwarded: Callable[[Count, list[Refusal]], None],
    ) -> None:
        self._directory = directory
        self._uri = uri
        self._settings = settings
        self._changed = changed
        self._spool: OwnedSpool | None = None
        self._courier = Courier(to, settings, changed, on_forwarded)

    def is_spooling(self) -> bool:
        """Whether events go to a spool now. For the producer's thread."""
        self._clear_away()
        return self._spool is not None

    @property
    def retries(self) -> int:
        """Appends that were tried again."""
        return self._courier.retries

    def deliver(
        self,
        events: Sequence[EncodedEvent],
        points: Sequence[int],
        producer_id: str,
        pressed: Callable[[], bool],
        given_up: Callable[[], bool],
    ) -> bool:
        """Bring events (with so many points each) to the log: True; or else to the spool: False.

        Raises the log's error where it refuses them for good, and Unavailable where the producer ends and
        the spool cannot take them either.
        """
        outgoing = [Outgoing(event, count) for event, count in zip(events, points, strict=True)]
        while self.is_spooling():
            if self._spill(outgoing, producer_id, None, given_up):
                return False
        parcel = Parcel(events, sum(map(count_of, outgoing), Count()))
        with self._changed:
            self._courier.hand_over(parcel)
        patience = time.monotonic() + self._settings.spill_after_s
        while True:
            with self._changed:
                self._changed.wait_for(lambda: parcel.concluded, _LOOK_EVERY_S)
                if parcel.error is not None:
                    raise parcel.error
                if parcel.concluded:
                    return True
            if given_up() or pressed() or time.monotonic() > patience:
                self._spill(outgoing, producer_id, parcel, given_up)
                return parcel.positions is not None

    def flush(self, timeout: float) -> bool:
        """Wait until what was spooled so far is on the log; False where that takes longer."""
        with self._changed:
            wanted = self._courier.spooled
            return self._changed.wait_for(
                lambda: self._courier.drained or self._courier.forwarded >= wanted, timeout
            )

    def close(self) -> None:
        """Stop; what is in the spool stays there."""
        with self._changed:
            self._courier.stop()
        self._clear_away()
        spool, self._spool = self._spool, None
        if spool is None:
            return
        tally = spool.log.tally()
        spool.log.save(closed=1)
        spool.leave_waiting(self._uri, tally.waiting_points, tally.waiting_events)

    def _clear_away(self) -> None:
        """Remove a spool whose events are all on the log."""
        with self._changed:
            spool = self._spool
            if spool is None or not self._courier.drained:
                return
            self._courier.unfollow()
            self._spool = None
        if spool.log.tally().refused:
            spool.log.save(closed=1)
            spool.leave()
        else:
            spool.discard()
            logger.warning("the log has taken all that was spooled in %s", spool.path)

    def _spill(
        self,
        outgoing: Sequence[Outgoing],
        producer_id: str,
        parcel: Parcel | None,
        given_up: Callable[[], bool],
    ) -> bool:
        """Put events into the spool, waiting while it has no room.

        Returns False, having put nothing, where that is not needed any more: the log has taken the parcel, or
        (without one) all that was in the spool.
        """
        reported = False
        while True:
            try:
                self._put(outgoing, producer_id, parcel)
                return True
            except TrackstreamError as error:
                if given_up():
                    raise Unavailable(f"neither the log nor the spool took the events: {error}") from error
                if not reported:
                    logger.error("the spool takes nothing at the moment: %s", error)
                    reported = True
            with self._changed:
                if parcel is None:
                    if self._changed.wait_for(lambda: self._courier.drained, _LOOK_EVERY_S):
                        return False
                elif self._changed.wait_for(lambda: parcel.concluded, _LOOK_EVERY_S):
                    if parcel.error is not None:
                        raise parcel.error
                    return False

    def _put(self, outgoing: Sequence[Outgoing], producer_id: str, parcel: Parcel | None) -> None:
        spool = self._spool
        if spool is None:
            spool = OwnedSpool.begin(self._directory, self._uri, producer_id, "")
            logger.warning("the log is behind: what is logged goes to the spool %s meanwhile", spool.path)
            self._spool = spool
        elif spool.log.bytes > self._settings.spool_max_bytes:
            raise SpoolFull(f"{spool.path} has reached spool_max_bytes ({self._settings.spool_max_bytes})")
        last = spool.log.append(outgoing)
        with self._changed:
            taken_meanwhile = parcel is not None and parcel.positions is not None
            if parcel is not None and not parcel.concluded:
                parcel.spooled_as = last
            self._courier.follow(spool.log, last)
        if taken_meanwhile:
            self._courier.note_forwarded(spool.log, last)
