"""The whole consumer: poll, decode, batch, apply, report.

A batch is flushed when the log is drained, or has so many rows, or is so old. Under a steady trickle
the flushes keep a distance, so that inserts stay few; a reader that waits (`nudge`) does away with it.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from trackstream_consumers.consumer_settings import ConsumerSettings
from trackstream_consumers.dead_letters import DeadLetterCount, DeadLetterLimits, dead_letter
from trackstream_consumers.errors import DeadLetter, LogBehindProjection, SlowDown, TablesSwapped
from trackstream_consumers.progress import Progress
from trackstream_consumers.records import Item, decode_record, rows_of
from trackstream_schemas.errors import MalformedEvent, StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trackstream_consumers.epoch import Fence
    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

__all__ = ["Consumer", "ConsumerSettings"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class _Stopped(Exception):
    """The consumer was told to stop while it waited."""


class _Reassigned(Exception):
    """The group changed what is assigned while a batch could not be written."""


class Consumer:
    """Feeds one projector from one reader. Start it as a thread, or run `catch_up` in your own."""

    def __init__(
        self,
        reader: LogReader,
        projector: Projector,
        dead_letters: Callable[[DeadLettered], None],
        settings: ConsumerSettings | None = None,
        limits: DeadLetterLimits | None = None,
        fence: Fence | None = None,
    ) -> None:
        """`dead_letters` puts a record that was given up on the log and returns once it is safe there;

        it raises Unavailable or StorageFailed where it is not, and is then called again later. `fence` is the
        projector's, where replays elsewhere may swap its tables.
        """
        self.projector = projector
        self.progress = Progress(projector.name)
        self._reader = reader
        self._dead_letters = dead_letters
        self._settings = settings or ConsumerSettings()
        self._fence = fence
        limits = limits or DeadLetterLimits()
        self._decoded, self._applied = DeadLetterCount(limits), DeadLetterCount(limits)
        self._stopping = threading.Event()
        self._nudged = False
        self._thread: threading.Thread | None = None
        self._generation = reader.generation
        self._last_flush = 0.0
        self._flush_took = 0.0

    def start(self) -> None:
        """Run in a thread of its own until `stop`; may be started again after it."""
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError(f"consumer {self.projector.name} is running")
        self._stopping.clear()
        self.progress.update(state="starting", failure=None)
        name = f"trackstream-{self.projector.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch that is being written and wait for the thread to end."""
        self._stopping.set()
        self._reader.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop, and release the reader."""
        self.stop()
        self._reader.close()

    def nudge(self) -> None:
        """Look at the log at once and flush what is there without keeping a distance. For any thread."""
        self._nudged = True
        self._reader.wake()

    def catch_up(self, wanted: Mapping[TopicPartition, int] | None = None) -> None:
        """Project, in the calling thread, up to `wanted` (default: the log's end as of now).

        Raises what would have failed the consumer, and Unavailable where a store cannot take the
        records and `stop` is called meanwhile.
        """
        self._stopping.clear()
        try:
            self._begin()
            goal = self._reader.end() if wanted is None else wanted
            while not self.progress.snapshot().has_reached(goal):
                self._nudged = True
                self._step()
        except _Stopped:
            raise Unavailable(
                f"{self.projector.name} was stopped: {self.progress.snapshot().last_error}"
            ) from None
        except Exception as error:
            self.progress.update(last_error=str(error))
            raise
        finally:
            self.progress.update(state="stopped", oldest_pending=None)

    def _run(self) -> None:
        try:
            self._begin()
            while not self._stopping.is_set():
                self._step()
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - the thread's last word; kept for whoever asks
            self.progress.update(state="failed", failure=error, last_error=str(error), oldest_pending=None)
            return
        self.progress.update(state="stopped", oldest_pending=None)

    def _begin(self) -> None:
        """Go to where the store says that the projection has come."""
        self.progress.update(state="starting", failure=None)
        if self._fence is not None:
            self._fence.leave()
        assigned = self._reader.assigned()
        found = self._persistently(self.projector.positions)
        positions = {partition: found.get(partition, 0) for partition in assigned}
        ends = self._persistently(self._reader.end)
        for partition, offset in positions.items():
            if offset > ends[partition]:
                raise LogBehindProjection(partition, offset, ends[partition])
        self._reader.seek(positions)
        self.progress.update(state="running", positions=positions, first={})

    def _step(self) -> None:
        try:
            self._project_next()
        except TablesSwapped as swapped:
            logger.info("%s begins anew: %s", self.projector.name, swapped)
            self._follow_swap()

    def _project_next(self) -> None:
        batch = self._gather()
        if not batch:
            self._skip()
        else:
            started = time.monotonic()
            try:
                self._apply(batch)
            except _Reassigned:
                self._begin_again()
                return
            self._last_flush = time.monotonic()
            self._flush_took = self._last_flush - started
            now = self.progress.snapshot()
            self.progress.update(
                flushes=now.flushes + 1,
                flush_seconds=now.flush_seconds + self._flush_took,
                last_flush_seconds=self._flush_took,
                last_batch_records=len(batch),
                oldest_pending=None,
            )

    def _gather(self) -> list[Item]:
        """Return a batch, in the order of each partition; empty where nothing came for a while."""
        settings = self._settings
        batch: list[Item] = []
        rows = size = 0
        began = 0.0
        nudged = False
        wait = settings.idle_poll
        while True:
            # Taken before the poll: what was on the log when the nudge came is then in the batch, which goes
            # once the log is drained. Only one that was seen is taken away: another may come in between.
            if self._nudged:
                self._nudged = False
                nudged = True
            raw = self._persistently(partial(self._reader.poll, settings.poll_records, wait))
            if self._reader.generation != self._generation:
                self._take_assignment(raw)
                batch = self._still_ours(batch)
                rows = sum(map(rows_of, batch))
                size = sum(len(item.raw.value) for item in batch)
            if raw and not batch:
                began = time.monotonic()
                self.progress.update(oldest_pending=min(record.appended_at for record in raw))
            self._note_first(raw)
            for record in raw:
                item = self._decode(record)
                rows += rows_of(item)
                size += len(record.value)
                batch.append(item)
            now = time.monotonic()
            full = rows >= settings.max_rows or size >= settings.max_bytes
            if not batch or full or now - began >= settings.max_age:
                return batch
            wait = 0.0
            if not raw:
                if nudged or self._stopping.is_set():
                    return batch
                distance = max(settings.spacing, self._flush_took * (1 / settings.load - 1))
                wait = min(self._last_flush + distance, began + settings.max_age) - now
                if wait <= 0:
                    return batch

    def _take_assignment(self, raw: Sequence[LogRecord] = ()) -> None:
        """Note which partitions the group has given us and taken from us within the poll that gave `raw`."""
        self._generation = self._reader.generation
        standing = self._reader.positions()
        begins: dict[TopicPartition, int] = {}
        for record in raw:
            begins.setdefault(record.position.topic_partition, record.position.offset)
        now = self.progress.snapshot()
        positions = {
            partition: now.positions.get(partition, begins.get(partition, offset))
            for partition, offset in standing.items()
        }
        first = {partition: offset for partition, offset in now.first.items() if partition in standing}
        self.progress.update(positions=positions, first=first)
        self.projector.keep_only(standing.keys())
        logger.info(
            "%s: now reads %s", self.projector.name, ", ".join(map(str, sorted(standing))) or "nothing"
        )

    def _still_ours(self, batch: Sequence[Item]) -> list[Item]:
        """Leave out what others read now, or what is read here once more."""
        standing = self._reader.positions()
        return [
            item
            for item in batch
            if item.raw.position.offset < standing.get(item.raw.position.topic_partition, 0)
        ]

    def _stay_member(self) -> None:
        """Poll without taking records: who does not poll for long is put out of the group."""
        if self._reader.generation == 0:
            return
        held = self._reader.assigned()
        self._reader.pause(held)
        try:
            for record in self._reader.poll(1, 0.0):
                # Of a partition that came just now.
                self._reader.seek({record.position.topic_partition: record.position.offset})
        except (SlowDown, Unavailable, StorageFailed) as error:
            # The next poll that is meant to read will say so again.
            logger.debug("%s, while waiting for a store: %s", self.projector.name, error)
        finally:
            self._reader.resume(held)
        if self._reader.generation != self._generation:
            raise _Reassigned

    def _begin_again(self) -> None:
        """Drop a batch that could not be written and read what is still ours from where it stood."""
        self._take_assignment()
        standing = self._reader.positions()
        now = self.progress.snapshot()
        self._reader.seek({at: offset for at, offset in now.positions.items() if at in standing})
        self.progress.update(oldest_pending=None)

    def _follow_swap(self) -> None:
        """Read on from where the tables that a replay has put in the place of ours have come to."""
        if self._fence is not None:
            self._fence.leave()
        self.projector.keep_only(())
        found = self._persistently(self.projector.positions)
        self._take_assignment()
        positions = {at: found.get(at, 0) for at in self._reader.positions()}
        self._reader.seek(positions)
        self.progress.update(positions=positions, first={}, oldest_pending=None)

    def _skip(self) -> None:
        """Note it where the reader has gone over records that the topic's retention removed."""
        if self._fence is not None:
            # Here too: what a swap has left out must not wait for the next event.
            self._persistently(self._fence.check)
        now = self.progress.snapshot()
        ahead = {
            partition: offset
            for partition, offset in self._reader.positions().items()
            if offset > now.positions.get(partition, 0)
        }
        if ahead:
            self._persistently(partial(self.projector.apply, [], ahead))
            self._reader.applied(ahead)
            self.progress.update(positions={**now.positions, **ahead}, first={**now.first, **ahead})

    def _note_first(self, raw: Sequence[LogRecord]) -> None:
        """Remember where each partition began; a batch may hold several polls, each of other topics."""
        known = self.progress.snapshot().first
        first = dict(known)
        for record in raw:
            first.setdefault(record.position.topic_partition, record.position.offset)
        if len(first) > len(known):
            self.progress.update(first=first)

    def _decode(self, raw: LogRecord) -> Item:
        try:
            record = decode_record(raw)
        except MalformedEvent as error:
            self._give_up(raw, error, self._decoded)
            return Item(raw, None)
        self._decoded.good()
        return Item(raw, record)

    def _apply(self, batch: Sequence[Item]) -> None:
        """Project a batch; where one of its records is to blame for a failure, project all but that."""
        items = list(batch)
        while True:
            try:
                self._apply_whole(items)
            except DeadLetter as refused:
                at = [item.raw.position for item in items].index(refused.position)
                self._give_up(items[at].raw, refused.error, self._applied)
                items[at] = Item(items[at].raw, None)
                continue
            # Whatever a record makes the projector raise concerns that record; unlike SlowDown, which
            # `_persistently` has dealt with, and what stops the consumer.
            except (_Stopped, _Reassigned, TablesSwapped, StorageFailed, Unavailable, MemoryError):
                raise
            except Exception as error:
                good = [index for index, item in enumerate(items) if item.record is not None]
                if len(good) > 1:
                    middle = good[len(good) // 2]
                    self._apply(items[:middle])
                    self._apply(items[middle:])
                elif good:
                    self._give_up(items[good[0]].raw, error, self._applied)
                    items[good[0]] = Item(items[good[0]].raw, None)
                    continue
                else:
                    raise
            return

    def _apply_whole(self, items: Sequence[Item]) -> None:
        reached = {item.raw.position.topic_partition: item.raw.position.offset + 1 for item in items}
        records = [item.record for item in items if item.record is not None]
        rows = self._persistently(lambda: self.projector.apply(records, reached), self._stay_member)
        self._reader.applied(reached)
        self._applied.good(len(records))
        now = self.progress.snapshot()
        self.progress.update(
            positions={**now.positions, **reached},
            records=now.records + len(items),
            rows=now.rows + rows,
        )

    def _give_up(self, raw: LogRecord, error: Exception, count: DeadLetterCount) -> None:
        """Put a record on the dead-letter topic: safe there before any position passes it."""
        count.bad(raw.position, error)
        letter = dead_letter(self.projector.name, raw, error)
        self._persistently(partial(self._send, letter))
        now = self.progress.snapshot()
        self.progress.update(dead_letters=now.dead_letters + 1, last_error=f"{raw.position}: {error}")

    def _send(self, letter: DeadLettered) -> None:
        try:
            self._dead_letters(letter)
        except StorageFailed as error:
            raise SlowDown(f"the dead-letter topic: {error}") from error

    def _persistently(self, act: Callable[[], _T], between: Callable[[], None] | None = None) -> _T:
        """Return what `act` does, trying again with growing pauses as long as it is told to slow down.

        Calls `between` before each further attempt. Raises _Stopped where `stop` comes first.
        """
        pause = self._settings.first_backoff
        while True:
            try:
                done = act()
            except (SlowDown, Unavailable) as error:
                self.progress.must_wait(error)
            else:
                self.progress.need_not_wait()
                return done
            if self._stopping.wait(pause):
                raise _Stopped
            pause = min(2 * pause, self._settings.longest_backoff)
            if between is not None:
                between()
