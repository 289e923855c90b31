"""One listener: from where it began, through what the log holds, to what comes next.

It first reads the log by itself. Once all that it lacks is in the common tail's memory, it goes on from
there. The positions that it has passed decide what is sent, so the change-over needs no care.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_api.log_places import vector_text
from trackstream_api.stream.catch_up import CatchUp
from trackstream_api.stream.entry import Entry
from trackstream_api.stream.feed import FellBehind
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream_api.stream.feed import LogFeed
    from trackstream_api.stream.selection import Selection
    from trackstream_schemas.position import TopicPartition

RECORDS_AT_ONCE = 500
BYTES_AT_ONCE = 1 << 20
_RECORDS_A_STEP = 50
SLOW = "slow"
END = "end"
STOPPING = "stopping"
FAILED = "failed"


@dataclass(frozen=True)
class Taken:
    """What a listener is to be sent next."""

    content: bytes
    """Server-sent events."""
    more: bool = False
    """Whether there may be more at once; else the listener is woken."""
    ended: bool = False
    """Whether this was the last."""


class Listener:
    """Thread-safe; close it."""

    def __init__(
        self,
        feed: LogFeed,
        selection: Selection,
        start: Mapping[TopicPartition, int] | None,
        wake: Callable[[], None],
        *,
        follow: bool = True,
        points: bool = False,
    ) -> None:
        """Listen from `start` on; None: from now on. A partition that it does not name, of a topic that it
        does, is new and begins at 0.

        `wake` is called from another thread whenever `take` may have something. Without `follow` the log's
        end of now is where it ends. Raises what keeps the log from being read.
        """
        self._turn = threading.Lock()
        self._feed = feed
        self._selection = selection
        self._wake = wake
        self._follow = follow
        self._points = points
        self._tail = feed.join(wake)
        self._catch_up: CatchUp | None = None
        self._cursor = 0
        try:
            # The newest that it can be, for a topic that the start does not know of.
            now = {at: offset for at, offset in self._tail.end().items() if at.topic in selection.topics}
            known = {partition.topic for partition in start or ()}
            self._passed = {
                at: (start or {}).get(at, 0 if at.topic in known else end) for at, end in now.items()
            }
            cursor = self._tail.reach(self._passed) if follow else None
            if cursor is None:
                self._catch_up = CatchUp(feed.source, sorted(selection.topics), self._passed)
            else:
                self._cursor = cursor
        except BaseException:
            self.close()
            raise

    def position(self) -> str:
        """Return the vector of what has been passed: what to go on from."""
        return vector_text(self._passed)

    def take(self) -> Taken:
        """Return what comes next; waits for nothing but the log. Not after `close`."""
        with self._turn:
            return self._take()

    def _take(self) -> Taken:
        try:
            if self._feed.stopping:
                return self._last(STOPPING, "the server ends; go on from here once it is back")
            if self._tail.failure is not None:
                raise self._tail.failure
            return self._from_log(self._catch_up) if self._catch_up is not None else self._from_tail()
        except FellBehind:
            text = "the listener was slower than the log for too long; go on from here"
            return self._last(SLOW, text)
        except TrackstreamError as error:
            return self._last(FAILED, str(error))

    def close(self) -> None:
        """Stop listening, once a `take` under way is done. Repeatable."""
        with self._turn:
            if self._catch_up is not None:
                self._catch_up.close()
                self._catch_up = None
            self._feed.leave(self._tail, self._wake)

    def _from_log(self, catch_up: CatchUp) -> Taken:
        content = bytearray()
        taken = 0
        while taken < RECORDS_AT_ONCE and len(content) < BYTES_AT_ONCE:
            records = catch_up.take(_RECORDS_A_STEP)
            if not records:
                break
            taken += len(records)
            for record in records:
                content += self._passing(Entry(record))
        if taken:
            return Taken(bytes(content), more=True)
        if not self._follow:
            return self._last(END, "this was all")
        # Offsets without records (a topic's retention, a log's own marks) are passed too.
        self._passed |= catch_up.positions()
        cursor = self._tail.reach(self._passed)
        if cursor is None:
            catch_up.move_on()
            return Taken(b"", more=True)
        catch_up.close()
        self._catch_up = None
        self._cursor = cursor
        return Taken(b"", more=True)

    def _from_tail(self) -> Taken:
        content = bytearray()
        entries = self._tail.entries(self._cursor, RECORDS_AT_ONCE)
        for taken, entry in enumerate(entries, 1):
            self._cursor += 1
            if entry.position.offset >= self._passed.get(entry.position.topic_partition, 2**63):
                content += self._passing(entry)
            if len(content) >= BYTES_AT_ONCE or taken == RECORDS_AT_ONCE:
                return Taken(bytes(content), more=True)
        return Taken(bytes(content))

    def _passing(self, entry: Entry) -> bytes:
        """Note that the record is passed and return what is sent of it, if it is wanted."""
        wanted = entry.is_wanted(self._selection, self._feed.experiments)
        self._passed[entry.position.topic_partition] = entry.position.offset + 1
        return sent_event(self.position(), entry.json(self._points)) if wanted else b""

    def _last(self, reason: str, message: str) -> Taken:
        told = {"reason": reason, "message": message, "position": self.position()}
        data = json.dumps(told, ensure_ascii=False).encode()
        return Taken(sent_event(self.position(), data, b"end"), ended=True)


def sent_event(position: str, data: bytes, name: bytes = b"") -> bytes:
    """Return one server-sent event; `data` is one line. Source: HTML standard, section 9.2."""
    named = b"event: " + name + b"\n" if name else b""
    return b"id: " + position.encode() + b"\n" + named + b"data: " + data + b"\n\n"
