"""What a replay rebuilds: everything, the tables of some topics, or only what was touched since a moment.

The tables of a projector are rebuilt together, since it is a projector that has a position. With `since`
whole entities are projected again, from their beginning: a row cannot be taken back to an earlier event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackstream_consumers.rebuild.replay_tables import REFOLDED_WHOLE, Kept, topics_of
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from trackstream_consumers.log.port import LogReader, LogRecord
    from trackstream_consumers.projectors.port import Projector
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition

PROJECTORS = ("entities", "metrics", "artifacts")
_AT_ONCE = 1000
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class ReplayPlan:
    """What one replay rebuilds."""

    projectors: tuple[str, ...] = PROJECTORS
    """Whose tables."""
    since: Mapping[TopicPartition, int] | None = None
    """Where a position in a partition is given, only entities with a record there or later; None: all."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics whose records are projected again."""
        return tuple(topic for name in self.projectors for topic in topics_of(name))

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the live tables is taken over."""
        return set(self.projectors) == set(PROJECTORS) and self.since is None

    @property
    def kept(self) -> Kept:
        """What is taken over from the live tables."""
        others = [name for name in PROJECTORS if name not in self.projectors]
        return Kept(
            frozenset(others),
            frozenset(topic for name in others for topic in topics_of(name)),
            self.since is not None,
        )

    def text(self, epoch: int) -> str:
        """Return the plan for the tables of this epoch as text, the same for the same plan."""
        since = None if self.since is None else sorted([*at, offset] for at, offset in self.since.items())
        return json.dumps({"projectors": sorted(self.projectors), "since": since, "epoch": epoch})


EVERYTHING = ReplayPlan()


def plan_of(names: Sequence[str], since: Mapping[TopicPartition, int] | None = None) -> ReplayPlan:
    """Return the plan for these topics (none: all of them). Raises InvalidInput for one that is unknown."""
    for name in names:
        if name not in topics.EVENT_TOPICS:
            raise InvalidInput("topics", name, f"some of {', '.join(topics.EVENT_TOPICS)}")
    chosen = tuple(name for name in PROJECTORS if not names or set(names) & set(topics_of(name)))
    plan = ReplayPlan(chosen)
    if since is None:
        return plan
    # Chunks of artifacts belong to uploads, not to entities.
    wanted = set(plan.topics) - {topics.ARTIFACT_BYTES}
    return ReplayPlan(chosen, {at: offset for at, offset in since.items() if at.topic in wanted})


def touched_since(
    open_reader: Callable[[Sequence[str]], LogReader],
    since: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> set[str]:
    """Return the keys of the records from `since` up to, not including, `ends`.

    Raises what reading the log raises, such as RecordsLost.
    """
    wanted = {at: ends[at] for at, offset in since.items() if offset < ends.get(at, 0)}
    found: set[str] = set()
    if not wanted:
        return found
    reader = open_reader(sorted({at.topic for at in wanted}))
    try:
        reader.pause([at for at in reader.assigned() if at not in wanted])
        reader.seek({at: since[at] for at in wanted})
        while wanted:
            for record in reader.poll(_AT_ONCE, _WAIT_SECONDS):
                if record.position.offset < wanted.get(record.position.topic_partition, 0):
                    found.add(record.key)
            standing = reader.positions()
            done = [at for at, end in wanted.items() if standing.get(at, end) >= end]
            reader.pause(done)
            for at in done:
                del wanted[at]
    finally:
        reader.close()
    return found


@dataclass
class Selection:
    """Which records of a replay with `since` are projected again; the rest is taken over as rows."""

    touched: frozenset[str]
    taken_over: Mapping[TopicPartition, int]
    """Up to which offset the rows that were taken over go."""
    applied: dict[str, int] = field(default_factory=dict)
    """How many records of each topic were projected. Each topic is one thread's."""

    def has(self, raw: LogRecord | Record) -> bool:
        """Whether a record is to be projected."""
        at = raw.position.topic_partition
        return (
            raw.key in self.touched
            or at.topic in REFOLDED_WHOLE
            or at.topic == topics.ARTIFACT_BYTES
            or raw.position.offset >= self.taken_over.get(at, 0)
        )


class SelectedProjector:
    """A projector that goes over records which are not selected."""

    def __init__(self, inner: Projector, selection: Selection) -> None:
        self._inner = inner
        self._selection = selection
        self.name = inner.name
        self.topics = inner.topics

    def positions(self) -> dict[TopicPartition, int]:
        """See `Projector`."""
        return self._inner.positions()

    def keep_only(self, partitions: Iterable[TopicPartition]) -> None:
        """See `Projector`."""
        self._inner.keep_only(tuple(partitions))

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        """See `Projector`."""
        selected = [record for record in records if self._selection.has(record)]
        rows = self._inner.apply(selected, reached)
        applied = self._selection.applied
        for record in selected:
            applied[record.position.topic] = applied.get(record.position.topic, 0) + 1
        return rows
