"""A queue as the log itself shows it, a file or a cluster.

Every worker reads all partitions: as a member of a group it would keep the launches of its partitions from
workers that have nothing to do (docs/decisions/0021).
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from trackstream.projects import lease
from trackstream_api.launch_queue.decision import Seen
from trackstream_api.launch_queue.requests import request_of
from trackstream_consumers.folds.launch import REQUESTED, fold
from trackstream_consumers.log.port import Growing
from trackstream_schemas import codec
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from trackstream.projects.request import Request
    from trackstream_consumers.folds.launch import LaunchState
    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

_AT_ONCE = 1000
_PIECE_SECONDS = 0.2
_PATIENCE_SECONDS = 15.0
_REFRESH_SECONDS = 30.0
_CUT_OFF_SECONDS = 10.0


class LogBoard:
    """Folds the topic of launches, and keeps what is of `queue` and not over.

    A launcher is silent once this has seen nothing of it for three heartbeats while it could see the log; so
    the clocks of machines need not agree. Workers wait a little longer each, not all as long, so that one of
    them says it.
    """

    def __init__(
        self,
        reader: LogReader,
        queue: str,
        clock: Callable[[], float] = lease.now,
        spread: float | None = None,
    ) -> None:
        self._reader = reader
        self._queue = queue
        self._clock = clock
        self._spread = random.random() if spread is None else spread
        self._states: dict[str, LaunchState] = {}
        self._order: dict[str, tuple[int, str]] = {}
        self._heard: dict[str, float] = {}
        self._known: set[str] = set()
        self._looked_at: float | None = None
        self._refreshed_at = clock()

    def look(self, timeout: float, claimed: Collection[str], running: Collection[str]) -> Sequence[Seen]:
        self._refresh()
        self._read_to(self._reader.end(), timeout)
        now = self._clock()
        if self._looked_at is not None and now - self._looked_at > timeout + _CUT_OFF_SECONDS:
            # Who was cut off itself cannot tell who else was.
            self._heard = dict.fromkeys(self._heard, now)
        self._looked_at = now
        return self._all(now)

    def unfinished(self) -> Sequence[Seen]:
        return self._all(self._clock())

    def request(self, launch_id: str) -> Request:
        if launch_id not in self._states:
            raise NotFound(f"launch {launch_id} is over")
        return request_of(self._states[launch_id])

    def close(self) -> None:
        self._reader.close()

    def _read_to(self, ends: Mapping[TopicPartition, int], timeout: float) -> None:
        """Read on to these offsets at least; waits for something new only at the end."""
        records = self._reader.poll(_AT_ONCE, _PIECE_SECONDS if self._is_behind(ends) else timeout)
        moved_at = time.monotonic()
        while records or self._is_behind(ends):
            for record in records:
                self._take(record)
            if records:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > _PATIENCE_SECONDS:
                raise Unavailable("the log does not give what it holds")
            records = self._reader.poll(_AT_ONCE, _PIECE_SECONDS if self._is_behind(ends) else 0.0)

    def _is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        at = self._reader.positions()
        return any(at[partition] < end for partition, end in ends.items() if partition in at)

    def _refresh(self) -> None:
        """Begin to read partitions that the topic was given since."""
        if isinstance(self._reader, Growing) and self._clock() - self._refreshed_at > _REFRESH_SECONDS:
            self._reader.refresh()
            self._refreshed_at = self._clock()

    def _take(self, record: LogRecord) -> None:
        try:
            event = codec.decode(record.value)
        except MalformedEvent as error:
            # The projection makes a dead letter of it.
            logger.warning("%s cannot be read: %s", record.position, error)
            return
        body = event.body
        if not isinstance(body, e.LaunchBody):
            return
        before = self._states.get(body.launch_id)
        if before is None:
            # Once over, a launch is not begun anew by a request that comes a second time.
            if not isinstance(body, e.LaunchRequested) or body.launch_id in self._known:
                return
            self._known.add(body.launch_id)
            if body.queue != self._queue:
                return
            self._order[body.launch_id] = (record.appended_at, body.launch_id)
        after = fold(before, event, record.position)
        if after.state in e.LAUNCH_ENDS:
            self._forget(body.launch_id)
            return
        self._states[body.launch_id] = after
        if before is None or (after.claim_id, after.last_seen) != (before.claim_id, before.last_seen):
            self._heard[body.launch_id] = self._clock()

    def _forget(self, launch_id: str) -> None:
        for kept in (self._states, self._order, self._heard):
            kept.pop(launch_id, None)

    def _all(self, now: float) -> list[Seen]:
        oldest_first = sorted(self._states, key=self._order.__getitem__)
        return [self._seen(self._states[launch_id], now) for launch_id in oldest_first]

    def _seen(self, state: LaunchState, now: float) -> Seen:
        waits = state.state == REQUESTED
        patience = (lease.LOST_HEARTBEATS + self._spread) * state.heartbeat_s
        return Seen(
            state.launch_id,
            "" if waits else state.claim_id,
            state.attempts,
            state.max_attempts,
            state.backend,
            state.run_id,
            not waits and now - self._heard[state.launch_id] > patience,
            state.cancel_requested,
            state.last_seen or 0,
        )
