"""What the writers of runs say of themselves: how much they have sent, and that they are alive.

Counts are taken when events are stamped, a whole metric batch at a time, so that a point costs nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trackstream_schemas import routing, topics
from trackstream_schemas.events import MetricsLogged, RunRewound, WriterReported

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trackstream.delivery import Count
    from trackstream_schemas.events import Body, WriterState


@dataclass(slots=True)
class _Sent:
    batches: int = 0
    points: dict[str, int] = field(default_factory=dict)
    run_events: int = 0
    artifact_events: int = 0
    first: int | None = None
    last: int | None = None


class WriterLedger:
    """The counts of one producer, by run and writer. Used under the producer's lock.

    `writer` is who logs what is not a metric; `lost(run_id)` tells what could not be kept.
    """

    def __init__(self, writer: str, heartbeat_s: float, lost: Callable[[str], Count]) -> None:
        self._writer = writer
        self._heartbeat_s = heartbeat_s
        self._lost = lost
        self._sent: dict[tuple[str, str], _Sent] = {}
        self._attached: dict[tuple[str, str], int] = {}
        self._unsaid: set[tuple[str, str]] = set()
        self._next_beat = float("inf")

    def attach(self, run_id: str, writer: str) -> None:
        """Have a writer's heartbeat sent until it closes."""
        self._attached.setdefault((run_id, writer), time.time_ns() // 1_000_000)
        self._next_beat = min(self._next_beat, time.monotonic() + self._heartbeat_s)

    def unclosed(self) -> list[tuple[str, str]]:
        """Return the writers whose closing counts are still to be said."""
        return [*self._attached, *(self._unsaid - self._attached.keys())]

    def beat(self) -> list[tuple[str, str]]:
        """Return the writers whose heartbeat is due now; it is then next due in `heartbeat_s` seconds."""
        moment = time.monotonic()
        if moment < self._next_beat or not self._heartbeat_s:
            return []
        self._next_beat = moment + self._heartbeat_s
        return list(self._attached)

    def count(self, bodies: Sequence[Body], first_sequence: int) -> None:
        """Count events that were stamped, from `first_sequence` on."""
        for sequence, body in enumerate(bodies, first_sequence):
            if isinstance(body, MetricsLogged):
                sent = self._of(body.run_id, body.writer)
                sent.batches += 1
                counts = np.bincount(body.key_index, minlength=len(body.keys)).tolist()
                for key, count in zip(body.keys, counts, strict=True):
                    sent.points[key] = sent.points.get(key, 0) + count
            elif isinstance(body, WriterReported | RunRewound):
                continue
            else:
                topic = routing.topic_of(body)
                if topic == topics.RUNS:
                    sent = self._of(routing.key_of(body), self._writer)
                    sent.run_events += 1
                elif topic == topics.ARTIFACTS:
                    sent = self._of(routing.key_of(body), self._writer)
                    sent.artifact_events += 1
                else:
                    continue
            sent.first = sequence if sent.first is None else sent.first
            sent.last = sequence

    def report(self, run_id: str, writer: str, state: WriterState) -> WriterReported:
        """Return what is to be said of a writer now; `closed` ends its heartbeat."""
        sent = self._sent.get((run_id, writer), _Sent())
        started_at = self._attached.get((run_id, writer), time.time_ns() // 1_000_000)
        if state == "closed":
            self._attached.pop((run_id, writer), None)
            self._unsaid.discard((run_id, writer))
        lost = self._lost(run_id)
        return WriterReported(
            run_id=run_id,
            writer=writer,
            state=state,
            started_at=started_at,
            heartbeat_s=self._heartbeat_s,
            batches=sent.batches,
            points=dict(sent.points),
            run_events=sent.run_events,
            artifact_events=sent.artifact_events,
            first_sequence=sent.first,
            last_sequence=sent.last,
            lost_points=lost.points,
            lost_events=lost.events,
        )

    def begin_again(self) -> None:
        """Count from nothing: what is stamped from now on is another producer's."""
        self._sent.clear()

    def _of(self, run_id: str, writer: str) -> _Sent:
        self._unsaid.add((run_id, writer))
        sent = self._sent.get((run_id, writer))
        if sent is None:
            sent = self._sent[run_id, writer] = _Sent()
        return sent
