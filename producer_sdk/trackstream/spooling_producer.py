"""The producer of durability=spool: what a call has logged is on the disk before the call returns."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trackstream.after_fork import call_in_child
from trackstream.delivery import Count, DeliveryReport, Losses, logger
from trackstream.exit_hooks import held_back
from trackstream.journal_buffer import JournalBuffer
from trackstream.metric_buffer import SeriesNumbers, batches_of
from trackstream.sender import Stamper
from trackstream.spool.courier import Courier
from trackstream.spool.forwarding import count_of
from trackstream.spool.journal import PointJournal
from trackstream.spool.log import Outgoing
from trackstream.spool.place import OwnedSpool
from trackstream.writer_reports import WriterLedger
from trackstream_schemas.errors import TrackstreamError, Unavailable
from trackstream_schemas.events import ArtifactLogged, MetricsLogged, RunRewound
from trackstream_schemas.ids import new_id
from trackstream_schemas.schema_files import by_fingerprint, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trackstream.metric_buffer import Series
    from trackstream.settings import Settings
    from trackstream.spool.forwarding import Destination, Refusal
    from trackstream_schemas.events import Body, WriterState
    from trackstream_schemas.position import Position

_NO_ROOM = "the spool has no room"


class SpoolingProducer:
    """Writes events to a spool of its own as they are logged, and forwards the spool from a thread.

    Points go into the spool's journal, and from there in batches into its log; other events into its log
    at once. `to` is None for a process that never connects. Thread-safe. After a fork the child goes on
    as a producer with a spool of its own.
    """

    def __init__(
        self, directory: Path, uri: str, to: Destination | None, settings: Settings, actor: str = ""
    ) -> None:
        self._directory = directory
        self._uri = uri
        self._to = to
        self._settings = settings
        self._actor = actor
        self._series = SeriesNumbers()
        self.losses = Losses(settings.report_every_s, _NO_ROOM)
        # Loaded here, on the caller's thread, for the sake of a fork while another thread would.
        newest()
        by_fingerprint()
        self._begin()
        call_in_child(self._forget)

    def _begin(self) -> None:
        # Re-entrant, since a signal handler may come while the main thread is in here; see Producer.
        self._changed = threading.Condition(threading.RLock())
        self._stamper = Stamper(new_id())
        self._ledger = WriterLedger(self._settings.writer, self._settings.heartbeat_s, self.losses.of_run)
        self._spool: OwnedSpool | None = None
        self._journal: PointJournal | None = None
        self._courier: Courier | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._spooled = self._acknowledged = Count()

    @property
    def producer_id(self) -> str:
        """Whom the next event will be stamped as coming from."""
        return self._stamper.producer_id

    def metric_buffer(self, run_id: str, writer: str = "") -> JournalBuffer:
        """Return the way in for a run's metric points."""
        return JournalBuffer(self._learn, self._store, run_id, writer)

    def emit(self, *bodies: Body, run_id: str = "", always: bool = False) -> bool:
        """Write events to the spool; False where it has no room: they are then counted as dropped."""
        owner = run_id or next((str(body.run_id) for body in bodies if hasattr(body, "run_id")), "")
        failure = self._write(bodies, most=self._settings.spool_max_bytes * (2 if always else 1))
        if failure:
            self.losses.count_dropped(owner, Count(0, len(bodies)), failure)
        return not failure

    def emit_when_room(self, body: Body, run_id: str, timeout: float) -> bool:
        """Write a large event to the spool; False where there is no room, and nothing is counted then."""
        return not self._write((body,), most=self._settings.spool_max_bytes)

    def emit_and_wait(
        self, bodies: Sequence[Body], timeout: float | None = None, actor: str | None = None
    ) -> list[Position]:
        """Write events to the spool and wait until they are on the log (offline: not at all).

        Returns no positions: the spool does not learn them. Raises Unavailable after `timeout` seconds (the
        settings' flush_timeout_s); they are then on the log later.
        """
        if not self.emit(*bodies, always=True):
            raise Unavailable("the spool did not take the events")
        if not self.flush(timeout):
            raise Unavailable("the log did not acknowledge the events yet; they are in the spool")
        return []

    def attach(self, run_id: str, writer: str) -> None:
        """Have it said that a writer of a run is alive, from now until it is closed."""
        with held_back(), self._changed:
            self._ledger.attach(run_id, writer)
            self._report([(run_id, writer)], "attached")

    def close_writer(self, run_id: str, writer: str) -> None:
        """Say what a writer has sent, and that no more comes."""
        with held_back(), self._changed:
            self._cut()
            self._report([(run_id, writer)], "closed")

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged before is on the log (offline: in the spool's log).

        Returns False where that took longer than `timeout` seconds (the settings' flush_timeout_s).
        """
        limit = self._settings.flush_timeout_s if timeout is None else timeout
        with self._changed:
            with held_back():
                whole = self._cut()
            courier = self._courier
            if courier is None:
                return whole
            wanted = courier.spooled
            self._changed.wait_for(lambda: courier.forwarded >= wanted or self._courier is not courier, limit)
            return courier.forwarded >= wanted and whole

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Forward what is spooled, for at most `timeout` seconds, then stop; the rest stays in the spool.

        What is emitted from now on is dropped. The log writer stays open: it is the caller's.
        """
        with self._changed:
            with held_back():
                if not self._closing:
                    self._cut()
                    self._report(self._ledger.unclosed(), "closed")
                self._closing = True
                self._changed.notify_all()
            self.flush(timeout)
            courier, self._courier = self._courier, None
            if courier is not None:
                courier.stop()
            with held_back():
                self._leave(forwarded=courier is not None and courier.drained)
        self.losses.report("the process or the client ends", now=True)
        return self.report()

    def report(self) -> DeliveryReport:
        """Return what became of everything that was logged so far."""
        with held_back(), self._changed:
            in_journal = 0 if self._journal is None else len(self._journal)
            return DeliveryReport(
                acknowledged=self._acknowledged,
                spooled=self._spooled + Count(in_journal, 0),
                dropped=self.losses.by_run("dropped"),
                lost=self.losses.by_run("lost"),
                retries=0 if self._courier is None else self._courier.retries,
            )

    # Writing. Everything from here on holds the lock, and keeps SIGTERM's handler waiting.

    def _write(self, bodies: Sequence[Body], most: int) -> str:
        """Spool events and return nothing, or else why that was not possible."""
        with held_back(), self._changed:
            if self._closing:
                return "the producer is closed"
            try:
                self._opened()
                if not self._has_room(most):
                    return _NO_ROOM
                if any(isinstance(body, RunRewound) for body in bodies):
                    # It speaks of what lies before it.
                    self._cut()
                self._append(bodies)
            # The disk's errors, and an event that cannot be encoded: neither is raised into a training.
            except Exception as error:  # noqa: BLE001
                return str(error)
            return ""

    def _append(self, bodies: Sequence[Body], facts: dict[str, int] | None = None) -> None:
        spool = self._opened()
        first = self._stamper.sequence
        encoded = self._stamper.encode(bodies, self._actor)
        outgoing = [
            Outgoing(
                event,
                len(body) if isinstance(body, MetricsLogged) else 0,
                body.sha256 if isinstance(body, ArtifactLogged) and body.upload_id is None else None,
            )
            for event, body in zip(encoded, bodies, strict=True)
        ]
        try:
            last = spool.log.append(outgoing, {"next_sequence": self._stamper.sequence, **(facts or {})})
        except BaseException:
            self._stamper.sequence = first
            raise
        self._ledger.count(bodies, first)
        self._spooled += sum((count_of(item) for item in outgoing), Count())
        if self._courier is not None:
            self._courier.follow(spool.log, last)

    def _cut(self) -> bool:
        """Move the journal's points into the log; False where that fails (they stay in the journal)."""
        journal = self._journal
        while journal is not None and len(journal):
            points, place = journal.take(self._settings.batch_points)
            facts = {"journal_segment": place.segment, "journal_record": place.record}
            try:
                self._append(batches_of(points, self._series.known().__getitem__), facts)
            except TrackstreamError as error:
                logger.error("points stay in the journal of the spool: %s", error)
                return False
            journal.drop(place)
        return True

    def _report(self, writers: Sequence[tuple[str, str]], state: WriterState) -> None:
        if writers and not self._closing:
            reports = [self._ledger.report(run_id, writer, state) for run_id, writer in writers]
            try:
                self._append(reports)
            except TrackstreamError as error:
                logger.error("a report of what was sent could not be spooled: %s", error)

    def _learn(self, series: Series) -> int:
        with held_back(), self._changed:
            number = self._series.number_of(series)
            if self._spool is not None:
                try:
                    self._spool.log.add_series(number, series)
                except TrackstreamError as error:
                    # Its points count while this process lives: only a recovery would need the name.
                    logger.error("the name of metric %r could not be spooled: %s", series.key, error)
            return number

    def _store(self, run_id: str, point: bytes) -> Callable[[bytes], object] | None:
        """Write a point that the segment had no room for; return what writes the next ones, or None."""
        with held_back(), self._changed:
            try:
                if not self._closing:
                    self._opened()
                    journal = self._journal
                    assert journal is not None
                    if journal.write is not None:
                        try:
                            journal.write(point)
                            return journal.write
                        except ValueError:
                            pass
                    if self._has_room(self._settings.spool_max_bytes):
                        journal.extend()
                        assert journal.write is not None
                        journal.write(point)
                        return journal.write
            except TrackstreamError as error:
                logger.error("points could not be spooled: %s", error)
        self.losses.count_dropped(run_id, Count(1, 0))
        return None

    def _has_room(self, most: int) -> bool:
        assert self._spool is not None
        assert self._journal is not None
        return self._spool.log.bytes + self._journal.size <= most

    def _opened(self) -> OwnedSpool:
        if self._spool is None:
            spool = OwnedSpool.begin(self._directory, self._uri, self._stamper.producer_id, self._actor)
            for number, series in self._series.known().items():
                spool.log.add_series(number, series)
            self._spool, self._journal = spool, PointJournal(spool.path)
            if self._to is not None:
                self._courier = Courier(self._to, self._settings, self._changed, self._on_forwarded)
            self._thread = threading.Thread(target=self._work, name="trackstream-spool", daemon=True)
            self._thread.start()
        return self._spool

    def _on_forwarded(self, count: Count, refusals: list[Refusal]) -> None:
        with self._changed:
            self._acknowledged += count
            self._spooled -= sum((refusal.amount for refusal in refusals), count)
        for refusal in refusals:
            self.losses.count_lost(refusal.run_id, refusal.amount, refusal.why)

    def _leave(self, *, forwarded: bool) -> None:
        spool, self._spool = self._spool, None
        journal, self._journal = self._journal, None
        if spool is None or journal is None:
            return
        if not len(journal):
            journal.remove()
            spool.log.save(closed=1)
        if forwarded and not spool.log.tally().events:
            spool.discard()
            return
        if self._to is None:
            spool.leave()
        else:
            spool.leave_waiting(self._uri, *self._spooled)

    # The thread.

    def _work(self) -> None:
        linger = self._settings.linger_ms / 1000
        while True:
            with self._changed:
                if not self._closing:
                    self._changed.wait(linger)
                if self._closing or self._thread is not threading.current_thread():
                    return
                self._cut()
                self._report(self._ledger.beat(), "alive")

    def _forget(self) -> None:
        # The parent's spool is the parent's.
        journal = self._journal
        self._series.forget_lock()
        self.losses.forget()
        self._begin()
        if journal is not None:
            journal.abandon()
