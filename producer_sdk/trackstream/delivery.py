"""What reached the log and what could not be kept: counted, and reported at a bearable rate."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from trackstream.exit_hooks import held_back
from trackstream_schemas.errors import StorageFailed

logger = logging.getLogger("trackstream")

Fate = Literal["dropped", "lost"]
_TELL_EVERY_S = 10.0


class Count(NamedTuple):
    """Metric points, and other events."""

    points: int = 0
    events: int = 0

    def __add__(self, other: object) -> Count:
        if not isinstance(other, Count):
            return NotImplemented
        return Count(self.points + other.points, self.events + other.events)

    def __sub__(self, other: Count) -> Count:
        return Count(self.points - other.points, self.events - other.events)


@dataclass(frozen=True)
class DeliveryReport:
    """What became of everything that was logged through one producer."""

    acknowledged: Count = field(default_factory=Count)
    """On the log."""
    pending: Count = field(default_factory=Count)
    """In memory."""
    spooled: Count = field(default_factory=Count)
    """On the local disk only: in the spool, to be forwarded to the log."""
    dropped: dict[str, Count] = field(default_factory=dict)
    """By run_id: found no room while the log did not take them, so were not kept."""
    lost: dict[str, Count] = field(default_factory=dict)
    """By run_id: the log refused them, or did not take them before the process ended."""
    retries: int = 0
    """Appends that were tried again."""

    @property
    def dropped_points(self) -> int:
        """Points dropped, of all runs."""
        return sum(count.points for count in self.dropped.values())

    @property
    def lost_points(self) -> int:
        """Points lost, of all runs."""
        return sum(count.points for count in self.lost.values())

    @property
    def complete(self) -> bool:
        """Whether nothing was dropped or lost."""
        return not self.dropped and not self.lost


class Losses:
    """Counts by fate and run. Thread-safe; warns at most every `report_every_s` seconds.

    `no_room` says why something is dropped. Our signal handler waits for other threads, which count here too,
    so it is held back while the main thread is in here.
    """

    def __init__(self, report_every_s: float, no_room: str) -> None:
        self._report_every_s = report_every_s
        self._no_room = no_room
        self.forget()

    def forget(self) -> None:
        """Begin at nothing, as a forked child does."""
        # Re-entrant, since a signal handler may report while the main thread is in here.
        self._lock = threading.RLock()
        self._counts: dict[Fate, dict[str, Count]] = {"dropped": {}, "lost": {}}
        self._unreported = False
        self._reported_at = float("-inf")

    def count_dropped(self, run_id: str, count: Count, why: str = "") -> None:
        """Count what found no room (or says otherwise why it was not kept), and warn every now and then."""
        with held_back():
            self.add("dropped", run_id, count)
            self.report(why or self._no_room)

    def count_lost(self, run_id: str, count: Count, why: str) -> None:
        """Count what the log refused, or what could not be made, and warn every now and then."""
        with held_back():
            self.add("lost", run_id, count)
            self.report(why)

    def add(self, fate: Fate, run_id: str, count: Count) -> None:
        """Count something that is gone, without a warning: that comes with the next `report`.

        For threads other than the main one, and for whoever holds signals back.
        """
        with self._lock:
            counts = self._counts[fate]
            counts[run_id] = counts.get(run_id, Count()) + count
            self._unreported = True

    def of_run(self, run_id: str) -> Count:
        """Return what of a run is gone, for whatever reason."""
        with held_back(), self._lock:
            return sum((counts.get(run_id, Count()) for counts in self._counts.values()), Count())

    def by_run(self, fate: Fate) -> dict[str, Count]:
        """Return a copy of the counts."""
        with held_back(), self._lock:
            return dict(self._counts[fate])

    def report(self, why: str, *, now: bool = False) -> None:
        """Warn about what has been counted since the last warning, unless that was just a moment ago."""
        with held_back():
            with self._lock:
                moment = time.monotonic()
                if not self._unreported or (not now and moment - self._reported_at < self._report_every_s):
                    return
                self._unreported = False
                self._reported_at = moment
                totals = {fate: sum(counts.values(), Count()) for fate, counts in self._counts.items()}
                runs = {run_id for counts in self._counts.values() for run_id in counts if run_id}
            dropped, lost = totals["dropped"], totals["lost"]
            logger.warning(
                "not everything that was logged could be kept: so far %d points and %d events were dropped"
                " (no room) and %d points and %d events were lost, of runs %s%s",
                dropped.points,
                dropped.events,
                lost.points,
                lost.events,
                ", ".join(sorted(runs)[:5]) + (", …" if len(runs) > 5 else "") if runs else "(none)",
                f"; {why}" if why else "",
            )


class LogTrouble:
    """Says why the log takes nothing, every ten seconds at most. Used by one thread."""

    def __init__(self) -> None:
        self._told_at = float("-inf")

    def tell(self, error: Exception) -> None:
        """Log a failed attempt that will be repeated."""
        moment = time.monotonic()
        if moment - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = moment
        how_bad = logger.error if isinstance(error, StorageFailed) else logger.warning
        how_bad("the log takes nothing at the moment, keeping events and trying again: %s", error)
