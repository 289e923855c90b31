"""The producer: the only place where events get their envelope, and the one way onto the log."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from trackstream import body_weight
from trackstream.after_fork import call_in_child
from trackstream.backlog import Backlog
from trackstream.batch import Item
from trackstream.delivery import Count, DeliveryReport, Losses
from trackstream.delivery_thread import DeliveryThread
from trackstream.exit_hooks import held_back
from trackstream.metric_buffer import MetricBuffer, PointBuffer
from trackstream.sender import Sender
from trackstream.writer_reports import WriterLedger
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.delivery_thread import MakeOverflow
    from trackstream.log.port import LogWriter
    from trackstream.settings import Settings
    from trackstream_schemas.events import Body
    from trackstream_schemas.position import Position


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
        overflow: MakeOverflow | None = None,
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
        self.losses = Losses(settings.report_every_s, "the log does not take them fast enough")
        self._begin()
        call_in_child(self._forget)

    def _begin(self) -> None:
        self._backlog = Backlog(self._points, self._settings)
        self._changed = self._backlog.changed
        self._ledger: WriterLedger | None = None
        if self._reports:
            self._ledger = WriterLedger(self._settings.writer, self._settings.heartbeat_s, self.losses.of_run)
        self._sender = Sender(self._writer, self._settings, self._ledger)
        self._delivery = DeliveryThread(
            self._backlog,
            self._sender,
            self._ledger,
            self._make_overflow,
            self.losses,
            self._settings,
            self._actor,
        )

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
        limit = self._settings.max_buffered_bytes * (2 if always else 1)
        with self._changed:
            if not self._backlog.closing and self._backlog.has_room(item, limit):
                self._push(item)
                return True
        self.losses.count_dropped(item.run_id, Count(0, len(bodies)))
        return False

    def emit_when_room(self, body: Body, run_id: str, timeout: float) -> bool:
        """Buffer a large event, waiting up to `timeout` seconds for room in half of the memory bound.

        Returns False where there was none; nothing is counted then.
        """
        item = self._item((body,), run_id=run_id)
        limit = max(self._settings.max_buffered_bytes // 2, item.weight)
        with self._changed:
            self._changed.wait_for(
                lambda: self._backlog.closing or self._backlog.has_room(item, limit), timeout
            )
            if self._backlog.closing or not self._backlog.has_room(item, limit):
                return False
            self._push(item)
            self._backlog.hurry()
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
                self._backlog.withdraw(item)
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
            if self._backlog.closing:
                raise Unavailable("the producer is closed")
            self._push(item)
            self._backlog.hurry()
        return item, acknowledged

    def attach(self, run_id: str, writer: str) -> None:
        """Have it said that a writer of a run is alive, from now until it is closed."""
        with self._changed:
            if self._ledger is not None and not self._backlog.closing:
                self._ledger.attach(run_id, writer)
                self._backlog.want_reports([(run_id, writer)], "attached")
                self._delivery.start()

    def close_writer(self, run_id: str, writer: str) -> None:
        """Say what a writer has sent, behind all that was logged so far, and that no more comes."""
        with self._changed:
            if self._ledger is not None and not self._backlog.closing:
                self._backlog.want_reports([(run_id, writer)], "closed")
                self._delivery.start()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged before this call is on the log (or counted as lost).

        Returns False where that took longer than `timeout` seconds (the settings' flush_timeout_s).
        """
        return self._delivery.flush(self._settings.flush_timeout_s if timeout is None else timeout)

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is buffered, for at most `timeout` seconds, then stop; the rest is counted as lost.

        What is emitted from now on is dropped. The log writer stays open: it is the caller's.
        """
        self._delivery.finish(self._settings.flush_timeout_s if timeout is None else timeout)
        return self.report()

    def report(self) -> DeliveryReport:
        """Return what became of everything that was logged so far."""
        with held_back(), self._changed:
            return DeliveryReport(
                acknowledged=self._delivery.acknowledged,
                pending=self._backlog.pending(),
                spooled=self._delivery.spooled,
                dropped=self.losses.by_run("dropped"),
                lost=self.losses.by_run("lost"),
                retries=self._delivery.retries,
            )

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
        self._backlog.push(item)
        self._delivery.start()

    def _on_full(self, run_id: str) -> bool:
        """Called by the hot path where it may not simply store a point; it may store it on True."""
        with self._changed:
            if not self._backlog.closing:
                self._delivery.start()
                if self._points.has_room():
                    return True
        self.losses.count_dropped(run_id, Count(1, 0))
        return False

    def _forget(self) -> None:
        # What the parent has buffered is the parent's to send.
        self._points.forget()
        self.losses.forget()
        self._begin()
