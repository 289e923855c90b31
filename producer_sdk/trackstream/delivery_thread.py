"""The thread that brings a producer's backlog to the log, batch by batch, and its end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trackstream.delivery import Count, logger
from trackstream.exit_hooks import held_back
from trackstream.metric_buffer import point_count
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.backlog import Backlog
    from trackstream.batch import Batch, Item
    from trackstream.delivery import Losses
    from trackstream.log.port import EncodedEvent
    from trackstream.sender import Sender
    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Refusal
    from trackstream.spool.overflow import Overflow
    from trackstream.writer_reports import WriterLedger
    from trackstream_schemas.position import Position

    OnForwarded = Callable[[Count, list[Refusal]], None]
    MakeOverflow = Callable[[threading.Condition, OnForwarded], Overflow]


class DeliveryThread:
    """Begins with the first `start`, ends with `finish`. `actor` is who metrics and reports come from.

    `make_overflow` makes the way to the log that leads through a spool where the log is away.
    """

    def __init__(
        self,
        backlog: Backlog,
        sender: Sender,
        ledger: WriterLedger | None,
        make_overflow: MakeOverflow | None,
        losses: Losses,
        settings: Settings,
        actor: str,
    ) -> None:
        self._backlog = backlog
        self._changed = backlog.changed
        self._sender = sender
        self._ledger = ledger
        self._losses = losses
        self._actor = actor
        self._linger_s = settings.linger_ms / 1000
        self._overflow: Overflow | None = None
        if make_overflow is not None:
            self._overflow = make_overflow(self._changed, self._on_forwarded)
        self._thread: threading.Thread | None = None
        self._ended = False
        self.acknowledged = Count()
        """On the log; read under the backlog's lock."""
        self.spooled = Count()
        """In the spool only; read under the backlog's lock."""

    @property
    def retries(self) -> int:
        """Appends that were tried again."""
        return self._sender.retries if self._overflow is None else self._overflow.retries

    def start(self) -> None:
        """Begin, once there is something to deliver. For who holds the backlog's lock."""
        # Not before something is logged: a forked child that never logs needs no thread.
        if self._thread is None:
            with held_back():
                self._thread = threading.Thread(target=self._work, name="trackstream-producer", daemon=True)
                self._thread.start()
                self._backlog.points.wake()

    def flush(self, limit: float) -> bool:
        """Wait until all that was logged before is on the log or lost; False where that takes > `limit` s."""
        deadline = time.monotonic() + limit
        with self._changed:
            settled = self._backlog.want_all()
            if not settled():
                self.start()
                self._backlog.hurry()
                self._changed.wait_for(lambda: settled() or self._ended, limit)
            if not settled() or self._overflow is None:
                return settled()
            return self._overflow.flush(max(0.0, deadline - time.monotonic()))

    def finish(self, limit: float) -> None:
        """Deliver what is left, for at most `limit` seconds, and count the rest as lost."""
        backlog = self._backlog
        with self._changed:
            backlog.close(time.monotonic() + limit)
            if self._thread is not None and self._thread is not threading.current_thread():
                # What the log does not take in time goes to the spool, which takes a moment itself.
                self._changed.wait_for(lambda: self._ended, limit + (1.0 if self._overflow is None else 60.0))
            if self._overflow is not None and (self._ended or self._thread is None):
                self._overflow.flush(max(0.0, backlog.give_up_at - time.monotonic()))
        # By whoever waited, not only the first: a signal handler's close may be the last that gets this far.
        with held_back():
            self._lose_the_rest()
            if self._overflow is not None and self._ended:
                self._overflow.close()
            self._losses.report("the process or the client ends", now=True)

    def _lose_the_rest(self) -> None:
        """Count what is still here once the thread has ended or is stuck in an append."""
        with self._changed:
            items, points = self._backlog.give_up()
            for item in items:
                if item.acknowledged is None or not item.acknowledged.done():
                    self._conclude(
                        item, Unavailable("the producer was closed before the log took the events")
                    )
            self._lose_points(points)

    def _on_forwarded(self, count: Count, refusals: list[Refusal]) -> None:
        with self._changed:
            self.acknowledged += count
            self.spooled -= sum((refusal.amount for refusal in refusals), count)
        for refusal in refusals:
            self._losses.count_lost(refusal.run_id, refusal.amount, refusal.why)

    # What follows runs on the thread.

    def _work(self) -> None:
        try:
            self._deliver_until_closed()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _deliver_until_closed(self) -> None:
        backlog, ledger = self._backlog, self._ledger
        while True:
            with self._changed:
                if not backlog.urgent:
                    self._changed.wait(self._linger_s)
                backlog.urgent = False
                closing = backlog.closing
                if ledger is not None and not closing:
                    backlog.want_reports(ledger.beat(), "alive")
            while (batch := self._next_batch()) is not None:
                self._deliver(batch)
                if not backlog.has_more():
                    break
            if closing and backlog.is_empty():
                with self._changed:
                    unclosed = [] if ledger is None or backlog.is_given_up() else ledger.unclosed()
                    if not unclosed:
                        return
                    backlog.want_reports(unclosed, "closed")
                    backlog.urgent = True

    def _next_batch(self) -> Batch | None:
        with self._changed:
            return self._backlog.take()

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
            metrics = self._backlog.points.batches(batch.points)
            begin = len(encoded)
            encoded += self._sender.encode(metrics, self._actor)
            encoded += self._encoded_reports(batch)
            if batch.is_waited_for:
                positions = self._sender.append(encoded) if encoded else []
            elif self._overflow is not None:
                sizes = [0] * len(encoded)
                sizes[begin : begin + len(metrics)] = map(len, metrics)
                on_log = self._sender.deliver(
                    self._overflow, encoded, sizes, self._backlog.is_pressed, self._backlog.is_given_up
                )
            else:
                positions = self._sender.append_persistently(encoded, self._pause, self._backlog.is_given_up)
        except Exception as error:  # noqa: BLE001
            failure = error
        with self._changed:
            if not self._backlog.is_in_flight(batch):
                return  # `finish` waited no longer and has counted it as lost.
            for item, place in good:
                self._conclude(item, failure, positions[place], on_log=on_log)
            if failure is None:
                self._keep_count(Count(point_count(batch.points), 0), on_log)
            else:
                self._lose_points(batch.points)
            self._backlog.land(batch)
        if failure is not None and not batch.is_waited_for:
            logger.error("events could not be delivered: %s", failure)
            self._losses.report(str(failure))

    def _encoded_reports(self, batch: Batch) -> list[EncodedEvent]:
        if self._ledger is None:
            return []
        with self._changed:
            reports = [self._ledger.report(*wanted[:3]) for wanted in batch.reports]
        return self._sender.encode(reports, self._actor)

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._backlog.pause(seconds)

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

    def _keep_count(self, count: Count, on_log: bool) -> None:
        if on_log:
            self.acknowledged += count
        else:
            self.spooled += count

    def _lose_points(self, points: bytes) -> None:
        for batch in self._backlog.points.batches(points):
            self._losses.add("lost", batch.run_id, Count(len(batch), 0))
