"""What a dead process left in its journal goes into its spool's log, as it would have put it there itself.

The result depends on nothing but the files, so that two copies of a spool that are recovered on two
machines give the same events the same identities.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from trackstream.log.port import EncodedEvent
from trackstream.metric_buffer import batches_of
from trackstream.spool.journal import journal_files, read_segment
from trackstream.spool.log import Outgoing
from trackstream_schemas import codec, routing
from trackstream_schemas.events import Envelope, Event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trackstream.spool.log import Facts, SpoolLog
    from trackstream_schemas.events import MetricsLogged

_BATCH_POINTS = 20_000
"""Must never change: see above."""


def journal_points(path: Path, facts: Facts) -> int:
    """Return how many points of the spool at `path` are in its journal only."""
    return sum(
        len(read_segment(file, facts.journal_record if number == facts.journal_segment else 0))
        for number, file in _unread(path, facts)
    )


def recover(path: Path, spool: SpoolLog) -> int:
    """Move a dead producer's points from its journal to its log and return how many.

    The caller holds the lock.
    """
    facts = spool.facts()
    series = spool.series()
    sequence, moved = facts.next_sequence, 0
    for number, file in _unread(path, facts):
        first = facts.journal_record if number == facts.journal_segment else 0
        points = read_segment(file, first)
        for begin in range(0, len(points), _BATCH_POINTS):
            some = points[begin : begin + _BATCH_POINTS]
            named = some[np.isin(some["series"], list(series))]
            outgoing = list(_outgoing(batches_of(named, series.__getitem__), facts, sequence))
            sequence += len(outgoing)
            spool.append(
                outgoing,
                {
                    "next_sequence": sequence,
                    "journal_segment": number,
                    "journal_record": first + begin + len(some),
                },
            )
            moved += len(named)
    spool.save(closed=1)
    for file in journal_files(path):
        file.unlink(missing_ok=True)
    return moved


def _unread(path: Path, facts: Facts) -> list[tuple[int, Path]]:
    numbered = [(int(file.name.split(".")[-2]), file) for file in journal_files(path)]
    return [(number, file) for number, file in numbered if number >= facts.journal_segment]


def _outgoing(batches: Iterable[MetricsLogged], facts: Facts, sequence: int) -> Iterable[Outgoing]:
    for number, batch in enumerate(batches, sequence):
        event_id = hashlib.sha256(f"{facts.producer_id}:{number}".encode()).hexdigest()[:32]
        envelope = Envelope(event_id, facts.created_at, facts.producer_id, number, facts.actor)
        value = codec.encode(Event(envelope, batch))
        yield Outgoing(EncodedEvent(routing.topic_of(batch), routing.key_of(batch), value), len(batch))
