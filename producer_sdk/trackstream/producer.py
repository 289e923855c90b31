"""The producer: the only place where events get their envelope, and the one way onto the log."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from trackstream import body_weight
from trackstream.batch import Batch, Item, ReportWanted
from trackstream.delivery import Count, DeliveryReport, Losses, logger
from trackstream.exit_hooks import held_back
from trackstream.metric_buffer import MetricBuffer, PointBuffer, point_count
from trackstream.sender import Sender
from trackstream.writer_reports import WriterLedger
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.delivery import Fate
    from trackstream.log.port import EncodedEvent, LogWriter
    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Refusal
    from trackstream.spool.overflow import Overflow
    from trackstream_schemas.events import Body, WriterState
    from trackstream_schemas.position import Position

    OnForwarded = Callable[[Count, list[Refusal]], None]


class Producer:
    """Buffers events, stamps them, and appends them in order from a thread of its own.

    (producer_id, sequence) identifies an event for ever: sequences have no gap, and an append whose fate
    is unknown is repeated with the same bytes before anything later is sent. Thread-safe. After a fork
    the child goes on as a producer of its own with nothing buffered.
    """

    def __init__(
        self,
        writer: LogWriter,
        settings: Settings,
        actor: str = "",
        overflow: Callable[[threading.Condition, OnForwarded], Overflow] | None = None,
        reports: bool = False,
    ) -> None:
        """`overflow` makes the way to the log that leads through a spool where the log is away.

        With `reports`, writers that `attach` say what they have sent.
        """
        self._writer = writer
        self._make_overflow = overflow
        self._reports = reports
        self._settings = settings
        self._actor = actor
        self._points = PointBuffer(settings.max_buffered_points, self._on_full)
        self._losses = Losses(settings.report_every_s)
        self._begin()
        _producers[id(self)] = weakref.ref(self)

    def _begin(self) -> None:
        # Re-entrant, since a signal handler may flush or close while the main thread is in here. It may wait
        # only on this condition, which lets go of all holds: the thread needs the lock to get on.
        self._changed = threading.Condition(threading.RLock())
        self._ledger: WriterLedger | None = None
        if self._reports:
            self._ledger = WriterLedger(
                self._settings.writer, self._settings.heartbeat_s, self._losses.of_run
            )
        self._sender = Sender(self._writer, self._settings, self._ledger)
        self._overflow: Overflow | None = None
        if self._make_overflow is not None:
            self._overflow = self._make_overflow(self._changed, self._on_forwarded)
        self._wanted: deque[ReportWanted] = deque()
        self._thread: threading.Thread | None = None
        self._items: deque[Item] = deque()
        self._in_flight: Batch | None = None
        self._buffered_bytes = 0
        self._urgent = False
        self._closing = False
        self._ended = False
        self._give_up_at = float("inf")
        # What was logged and what of it is settled (on the log, or counted as lost), ever: flush waits for
        # the latter to reach the former.
        self._items_logged = self._items_settled = 0
        self._points_taken = self._points_settled = self._points_wanted = 0
        self._acknowledged = self._spooled = Count()

    @property
    def producer_id(self) -> str:
        """Whom the next event will be stamped as coming from."""
        return self._sender.producer_id

    def metric_buffer(self, run_id: str, writer: str = "") -> MetricBuffer:
        """Return the way in for a run's metric points."""
        return MetricBuffer(self._points, run_id, writer)

    def emit(self, *bodies: Body, run_id: str = "", always: bool = False) -> bool:
        """Buffer events that are to be appended together; never waits.

        Returns False where there was no room: they are then counted as dropped for `run_id`. `always`
        is for the few events without which others mean nothing; it grants twice the room.
        """
        item = self._item(bodies, run_id=run_id)
        with self._changed:
            room = self._settings.max_buffered_bytes * (2 if always else 1)
            if not self._closing and self._buffered_bytes + item.weight <= room:
                self._push(item)
                return True
        self.count_dropped(item.run_id, len(bodies))
        return False

    def emit_when_room(self, body: Body, run_id: str, timeout: float) -> bool:
        """Buffer a large event, waiting up to `timeout` seconds for room in half of the memory bound.

        Returns False where there was none; nothing is counted then.
        """
        item = self._item((body,), run_id=run_id)
        limit = self._settings.max_buffered_bytes // 2
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self._buffered_bytes + item.weight <= max(limit, item.weight),
                timeout,
            )
            if self._closing or self._buffered_bytes + item.weight > max(limit, item.weight):
                return False
            self._push(item)
            self._hurry()
            return True

    def emit_and_wait(
        self, bodies: Sequence[Body], timeout: float | None = None, actor: str | None = None
    ) -> list[Position]:
        """Append events together and return their positions; for servers.

        Events of callers who wait at the same time share an append. Raises the log's error (Unavailable,
        StorageFailed, Rejected), and Unavailable after `timeout` seconds (the settings' flush_timeout_s);
        after Unavailable the events may have reached the log nevertheless.
        """
        if not bodies:
            return []
        item, acknowledged = self._submit(bodies, actor)
        limit = self._settings.flush_timeout_s if timeout is None else timeout
        try:
            return acknowledged.result(limit)
        except TimeoutError:
            with self._changed:
                if item in self._items:
                    self._items.remove(item)
                    self._settle(item)
            raise Unavailable(f"the log did not acknowledge the events within {limit} s") from None

    def submit(self, bodies: Sequence[Body], actor: str | None = None) -> Future[list[Position]]:
        """Append events together without waiting; for servers that serve many callers from one thread.

        The future resolves to their positions, or to the errors of `emit_and_wait`; it must not be cancelled.
        Raises Unavailable where the producer is closed.
        """
        return self._submit(bodies, actor)[1]

    def _submit(self, bodies: Sequence[Body], actor: str | None) -> tuple[Item, Future[list[Position]]]:
        acknowledged: Future[list[Position]] = Future()
        item = self._item(tuple(bodies), actor=actor, acknowledged=acknowledged)
        with self._changed:
            if self._closing:
                raise Unavailable("the producer is closed")
            self._push(item)
            self._hurry()
        return item, acknowledged

    def attach(self, run_id: str, writer: str) -> None:
        """Have it said that a writer of a run is alive, from now until it is closed."""
        with self._changed:
            if self._ledger is not None and not self._closing:
                self._ledger.attach(run_id, writer)
                self._want_reports([(run_id, writer)], "attached")

    def close_writer(self, run_id: str, writer: str) -> None:
        """Say what a writer has sent, behind all that was logged so far, and that no more comes."""
        with self._changed:
            if not self._closing:
                self._want_reports([(run_id, writer)], "closed")

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged before this call is on the log (or counted as lost).

        Returns False where that took longer than `timeout` seconds (the settings' flush_timeout_s).
        """
        limit = self._settings.flush_timeout_s if timeout is None else timeout
        deadline = time.monotonic() + limit
        with self._changed:
            items = self._items_logged
            points = self._points_taken + len(self._points)

            def settled() -> bool:
                return items <= self._items_settled and points <= self._points_settled

            if not settled():
                self._points_wanted = max(self._points_wanted, points)
                self._hurry()
                self._changed.wait_for(lambda: settled() or self._ended, limit)
            if not settled() or self._overflow is None:
                return settled()
            return self._overflow.flush(max(0.0, deadline - time.monotonic()))

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is buffered, for at most `timeout` seconds, then stop; the rest is counted as lost.

        What is emitted from now on is dropped. The log writer stays open: it is the caller's.
        """
        limit = self._settings.flush_timeout_s if timeout is None else timeout
        with self._changed:
            self._closing = True
            self._give_up_at = min(self._give_up_at, time.monotonic() + limit)
            self._points.sleep()
            self._urgent = True
            self._changed.notify_all()
            if self._thread is not None and self._thread is not threading.current_thread():
                # What the log does not take in time goes to the spool, which takes a moment itself.
                self._changed.wait_for(lambda: self._ended, limit + (1.0 if self._overflow is None else 60.0))
            if self._overflow is not None and (self._ended or self._thread is None):
                self._overflow.flush(max(0.0, self._give_up_at - time.monotonic()))
        # By whoever waited, not only the first: a signal handler's close may be the last that gets this far.
        with held_back():
            self._lose_the_rest()
            if self._overflow is not None and self._ended:
                self._overflow.close()
            self._losses.report("the process or the client ends", now=True)
        return self.report()

    @property
    def dropped(self) -> dict[str, Count]:
        """What was dropped for want of room, by run_id."""
        with held_back():
            return self._losses.by_run("dropped")

    def count_dropped(self, run_id: str, events: int) -> None:
        """Count events that the caller gave up for want of room, and warn every now and then."""
        self._count("dropped", run_id, Count(0, events), "the log does not take them fast enough")

    def count_lost(self, run_id: str, events: int, why: str) -> None:
        """Count events that cannot be made because something behind them failed, and warn."""
        self._count("lost", run_id, Count(0, events), why)

    def report(self) -> DeliveryReport:
        """Return what became of everything that was logged so far."""
        with held_back(), self._changed:
            flying = self._in_flight or Batch([], b"")
            events = sum(len(item.bodies) for item in (*self._items, *flying.items))
            return DeliveryReport(
                acknowledged=self._acknowledged,
                pending=Count(len(self._points) + point_count(flying.points), events),
                spooled=self._spooled,
                dropped=self._losses.by_run("dropped"),
                lost=self._losses.by_run("lost"),
                retries=self._sender.retries if self._overflow is None else self._overflow.retries,
            )

    def _count(self, fate: Fate, run_id: str, count: Count, why: str) -> None:
        with held_back():
            self._losses.add(fate, run_id, count)
            self._losses.report(why)

    def _item(
        self,
        bodies: Sequence[Body],
        run_id: str = "",
        actor: str | None = None,
        acknowledged: Future[list[Position]] | None = None,
    ) -> Item:
        weight = sum(body_weight.of(body) for body in bodies)
        # Of a model or trace the run is optional.
        owner = run_id or next((found for body in bodies if (found := getattr(body, "run_id", None))), "")
        return Item(bodies, self._actor if actor is None else actor, weight, owner, acknowledged)

    def _push(self, item: Item) -> None:
        self._items.append(item)
        self._items_logged += 1
        self._buffered_bytes += item.weight
        self._start_thread()

    def _settle(self, item: Item) -> None:
        self._items_settled += 1
        self._buffered_bytes -= item.weight
        self._changed.notify_all()

    def _hurry(self) -> None:
        self._urgent = True
        self._start_thread()
        self._changed.notify_all()

    def _want_reports(self, writers: Sequence[tuple[str, str]], state: WriterState) -> None:
        if self._ledger is None:
            return
        points = self._points_taken + len(self._points)
        for run_id, writer in writers:
            self._wanted.append(ReportWanted(run_id, writer, state, points))
        self._items_logged += len(writers)
        if writers:
            self._points_wanted = max(self._points_wanted, points)
            self._start_thread()

    def _on_forwarded(self, count: Count, refusals: list[Refusal]) -> None:
        gone = sum((refusal.amount for refusal in refusals), count)
        with self._changed:
            self._acknowledged += count
            self._spooled = Count(self._spooled.points - gone.points, self._spooled.events - gone.events)
        for refusal in refusals:
            self._count("lost", refusal.run_id, refusal.amount, refusal.why)

    def _on_full(self, run_id: str) -> bool:
        """Called by the hot path where it may not simply store a point; it may store it on True."""
        with self._changed:
            if not self._closing:
                self._start_thread()
                if self._points.has_room():
                    return True
        self._count("dropped", run_id, Count(1, 0), "the log does not take them fast enough")
        return False

    def _start_thread(self) -> None:
        # Not before something is logged: a forked child that never logs needs no thread.
        if self._thread is None:
            with held_back():
                self._thread = threading.Thread(target=self._work, name="trackstream-producer", daemon=True)
                self._thread.start()
                self._points.wake()

    # What follows runs on the thread.

    def _work(self) -> None:
        try:
            self._send_until_closed()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _send_until_closed(self) -> None:
        linger = self._settings.linger_ms / 1000
        while True:
            with self._changed:
                if not self._urgent:
                    self._changed.wait(linger)
                self._urgent = False
                closing = self._closing
                if self._ledger is not None and not closing:
                    self._want_reports(self._ledger.beat(), "alive")
            while True:
                batch = self._next_batch()
                if batch is None:
                    break
                self._deliver(batch)
                if not self._has_more_to_send():
                    break
            if closing and not self._items and not self._wanted and not len(self._points):
                with self._changed:
                    unclosed = [] if self._ledger is None or self._given_up() else self._ledger.unclosed()
                    if not unclosed:
                        return
                    self._want_reports(unclosed, "closed")
                    self._urgent = True

    def _has_more_to_send(self) -> bool:
        """Whether to send again at once; the last few points may wait for company."""
        if self._items or self._wanted or self._closing or self._points_taken < self._points_wanted:
            return True
        return len(self._points) >= self._settings.batch_points

    def _next_batch(self) -> Batch | None:
        settings = self._settings
        batch = Batch([], b"")
        events = weight = 0
        with self._changed:
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
                batch.points = self._points.take(settings.batch_points)
                self._points_taken += point_count(batch.points)
                while self._wanted and self._is_due(self._wanted[0]):
                    batch.reports.append(self._wanted.popleft())
            if not batch.items and not batch.points and not batch.reports:
                return None
            self._in_flight = batch
            return batch

    def _deliver(self, batch: Batch) -> None:
        spooling = self._overflow is not None and self._overflow.is_spooling()
        encoded: list[EncodedEvent] = []
        good: list[tuple[Item, slice]] = []
        for item in batch.items:
            try:
                if spooling and batch.is_waited_for:
                    raise Unavailable("the log is away; what was logged before is still in the spool")
                events = self._sender.encode(item.bodies, item.actor)
            # Whatever is wrong with one caller's event, the thread and the others' events go on.
            except Exception as error:  # noqa: BLE001
                if item.acknowledged is None:
                    logger.error("an event could not be delivered: %s", error)
                self._conclude(item, error)
                continue
            good.append((item, slice(len(encoded), len(encoded) + len(events))))
            encoded += events
        failure: Exception | None = None
        positions: list[Position] = []
        on_log = True
        try:
            metrics = self._points.batches(batch.points)
            encoded += self._sender.encode(metrics, self._actor)
            encoded += self._encoded_reports(batch)
            if batch.is_waited_for:
                positions = self._sender.append(encoded) if encoded else []
            elif self._overflow is not None:
                sizes = [0] * len(encoded)
                begin = sum(place.stop - place.start for _, place in good)
                sizes[begin : begin + len(metrics)] = map(len, metrics)
                on_log = self._sender.deliver(self._overflow, encoded, sizes, self._pressed, self._given_up)
            else:
                positions = self._sender.append_persistently(encoded, self._pause, self._given_up)
        except Exception as error:  # noqa: BLE001
            failure = error
        with self._changed:
            if self._in_flight is not batch:
                return  # `close` waited no longer and has counted it as lost.
            for item, place in good:
                self._conclude(item, failure, positions[place], on_log=on_log)
            for item in batch.items:
                self._settle(item)
            self._items_settled += len(batch.reports)
            self._points_settled += point_count(batch.points)
            if failure is None:
                self._keep_count(Count(point_count(batch.points), 0), on_log)
            else:
                self._lose_points(batch.points)
            self._in_flight = None
            self._changed.notify_all()
        if failure is not None and not batch.is_waited_for:
            logger.error("events could not be delivered: %s", failure)
            self._losses.report(str(failure))

    def _encoded_reports(self, batch: Batch) -> list[EncodedEvent]:
        if self._ledger is None:
            return []
        with self._changed:
            reports = [self._ledger.report(*wanted[:3]) for wanted in batch.reports]
        return self._sender.encode(reports, self._actor)

    def _is_due(self, wanted: ReportWanted) -> bool:
        """Whether all that was logged before a report has been taken for sending."""
        return wanted.after_points <= self._points_taken and not self._items

    def _pressed(self) -> bool:
        """Whether memory runs out while the log takes nothing."""
        settings = self._settings
        return (
            2 * len(self._points) > settings.max_buffered_points
            or 4 * self._buffered_bytes > 3 * settings.max_buffered_bytes
        )

    def _keep_count(self, count: Count, on_log: bool) -> None:
        if on_log:
            self._acknowledged += count
        else:
            self._spooled += count

    def _conclude(
        self,
        item: Item,
        failure: Exception | None,
        positions: Sequence[Position] = (),
        *,
        on_log: bool = True,
    ) -> None:
        if failure is None:
            self._keep_count(Count(0, len(item.bodies)), on_log)
            if item.acknowledged is not None:
                item.acknowledged.set_result(list(positions))
        elif item.acknowledged is not None:
            item.acknowledged.set_exception(failure)
        else:
            # Not logged here, under the lock: the main thread may hold a log handler's lock meanwhile.
            self._losses.add("lost", item.run_id, Count(0, len(item.bodies)))

    def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(
                lambda: time.monotonic() >= min(deadline, self._give_up_at),
                max(0.0, min(deadline, self._give_up_at) - time.monotonic()),
            )

    def _given_up(self) -> bool:
        return time.monotonic() >= self._give_up_at

    # The end.

    def _lose_the_rest(self) -> None:
        """Count what is still here once the thread has ended or is stuck in an append."""
        with self._changed:
            flying, self._in_flight = self._in_flight or Batch([], b""), None
            rest = [*flying.items, *self._items]
            self._items.clear()
            for item in rest:
                if item.acknowledged is None or not item.acknowledged.done():
                    self._conclude(
                        item, Unavailable("the producer was closed before the log took the events")
                    )
                self._settle(item)
            self._items_settled += len(flying.reports) + len(self._wanted)
            self._wanted.clear()
            left = self._points.take(len(self._points))
            self._lose_points(flying.points + left)
            self._points_taken += point_count(left)
            self._points_settled = self._points_taken
            self._changed.notify_all()

    def _lose_points(self, points: bytes) -> None:
        for batch in self._points.batches(points):
            self._losses.add("lost", batch.run_id, Count(len(batch), 0))

    def _forget(self) -> None:
        self._points.forget()
        self._losses.forget()
        self._begin()


_producers: dict[int, weakref.ref[Producer]] = {}


def _after_fork_in_child() -> None:
    # What the parent has buffered is the parent's to send; its threads and locks do not exist here.
    for reference in list(_producers.values()):
        producer = reference()
        if producer is not None:
            producer._forget()


os.register_at_fork(after_in_child=_after_fork_in_child)
