"""What a producer has buffered, in the order in which it was logged, and how much of it is settled."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from trackstream.batch import Batch, ReportWanted
from trackstream.delivery import Count
from trackstream.metric_buffer import point_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.batch import Item
    from trackstream.metric_buffer import PointBuffer
    from trackstream.settings import Settings
    from trackstream_schemas.events import WriterState


class Backlog:
    """Events, points, and the reports that writers owe, until they are settled.

    Settled is what is on the log or in the spool, and what is counted as lost. Everything here is for who
    holds `changed`, unless it says otherwise.
    """

    def __init__(self, points: PointBuffer, settings: Settings) -> None:
        # Re-entrant, since a signal handler may flush or close while the main thread is in here. It may wait
        # only on this condition, which lets go of all holds: the thread needs the lock to get on.
        self.changed = threading.Condition(threading.RLock())
        self.points = points
        self.urgent = False
        """Whether the next batch is wanted before the time for which points wait for company is over."""
        self.closing = False
        """Whether nothing more is taken in."""
        self.give_up_at = float("inf")
        self._settings = settings
        self._items: deque[Item] = deque()
        self._wanted: deque[ReportWanted] = deque()
        self._in_flight: Batch | None = None
        self._bytes = 0
        # Of all that was ever logged: flush waits for the settled to reach the logged.
        self._items_logged = self._items_settled = 0
        self._points_taken = self._points_settled = self._points_wanted = 0

    def has_room(self, item: Item, limit: int) -> bool:
        """Whether events fit into so many bytes together with what is buffered."""
        return self._bytes + item.weight <= limit

    def push(self, item: Item) -> None:
        """Add events."""
        self._items.append(item)
        self._items_logged += 1
        self._bytes += item.weight

    def withdraw(self, item: Item) -> None:
        """Take events back that are not on their way yet."""
        if item in self._items:
            self._items.remove(item)
            self._settle(item)

    def want_reports(self, writers: Sequence[tuple[str, str]], state: WriterState) -> None:
        """Have writers say what they have sent, behind all that was logged so far."""
        points = self._points_logged()
        for run_id, writer in writers:
            self._wanted.append(ReportWanted(run_id, writer, state, points))
        self._items_logged += len(writers)
        if writers:
            self._points_wanted = max(self._points_wanted, points)

    def want_all(self) -> Callable[[], bool]:
        """Let no point that was logged so far wait for company; return what tells whether all is settled."""
        items, points = self._items_logged, self._points_logged()
        self._points_wanted = max(self._points_wanted, points)
        return lambda: items <= self._items_settled and points <= self._points_settled

    def hurry(self) -> None:
        """Have the next batch taken at once."""
        self.urgent = True
        self.changed.notify_all()

    def close(self, give_up_at: float) -> None:
        """Take nothing more in; what is not settled at a moment (of time.monotonic()) is given up."""
        self.closing = True
        self.give_up_at = min(self.give_up_at, give_up_at)
        self.points.sleep()
        self.hurry()

    def take(self) -> Batch | None:
        """Return what is to go into the next append, which is then in flight until it is landed."""
        settings = self._settings
        batch = Batch([], b"")
        events = weight = 0
        while self._items:
            item = self._items[0]
            events += len(item.bodies)
            weight += item.weight
            if batch.items and (
                (item.acknowledged is not None) != batch.is_waited_for
                or events > settings.batch_records
                or weight > settings.batch_bytes
            ):
                break
            batch.items.append(self._items.popleft())
        if not batch.is_waited_for:
            batch.points = self.points.take(settings.batch_points)
            self._points_taken += point_count(batch.points)
            while self._wanted and self._is_due(self._wanted[0]):
                batch.reports.append(self._wanted.popleft())
        if not batch.items and not batch.points and not batch.reports:
            return None
        self._in_flight = batch
        return batch

    def is_in_flight(self, batch: Batch) -> bool:
        """Whether a batch has neither landed nor been given up."""
        return self._in_flight is batch

    def land(self, batch: Batch) -> None:
        """Settle a batch."""
        for item in batch.items:
            self._settle(item)
        self._items_settled += len(batch.reports)
        self._points_settled += point_count(batch.points)
        self._in_flight = None
        self.changed.notify_all()

    def give_up(self) -> tuple[list[Item], bytes]:
        """Settle all that is left, in flight or not; return its events and points."""
        flying, self._in_flight = self._in_flight or Batch([], b""), None
        items = [*flying.items, *self._items]
        self._items.clear()
        for item in items:
            self._settle(item)
        self._items_settled += len(flying.reports) + len(self._wanted)
        self._wanted.clear()
        left = self.points.take(len(self.points))
        self._points_taken += point_count(left)
        self._points_settled = self._points_taken
        self.changed.notify_all()
        return items, flying.points + left

    def pending(self) -> Count:
        """Return what is not settled, without reports."""
        flying = self._in_flight or Batch([], b"")
        events = sum(len(item.bodies) for item in (*self._items, *flying.items))
        return Count(len(self.points) + point_count(flying.points), events)

    def pause(self, seconds: float) -> None:
        """Wait, though not beyond the moment at which all is given up."""
        deadline = time.monotonic() + seconds
        self.changed.wait_for(
            lambda: time.monotonic() >= min(deadline, self.give_up_at),
            max(0.0, min(deadline, self.give_up_at) - time.monotonic()),
        )

    # These may be asked without the lock.

    def is_empty(self) -> bool:
        """Whether all has been taken."""
        return not self._items and not self._wanted and not len(self.points)

    def has_more(self) -> bool:
        """Whether to take again at once; the last few points may wait for company."""
        if self._items or self._wanted or self.closing or self._points_taken < self._points_wanted:
            return True
        return len(self.points) >= self._settings.batch_points

    def is_pressed(self) -> bool:
        """Whether memory runs out while the log takes nothing."""
        settings = self._settings
        return (
            2 * len(self.points) > settings.max_buffered_points
            or 4 * self._bytes > 3 * settings.max_buffered_bytes
        )

    def is_given_up(self) -> bool:
        """Whether the time is over that was left at the end."""
        return time.monotonic() >= self.give_up_at

    def _points_logged(self) -> int:
        return self._points_taken + len(self.points)

    def _is_due(self, wanted: ReportWanted) -> bool:
        """Whether all that was logged before a report has been taken."""
        return wanted.after_points <= self._points_taken and not self._items

    def _settle(self, item: Item) -> None:
        self._items_settled += 1
        self._bytes -= item.weight
        self.changed.notify_all()
