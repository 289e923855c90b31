"""The read barrier: a read sees everything that was on the log when it arrived."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from trackstream_api.log_watch import LogWatch
    from trackstream_api.read_gate import ReadGate
    from trackstream_schemas.position import TopicPartition

PATIENCE_SECONDS = 10.0
LAG_HEADER = "X-Trackstream-Lag-Ms"


class Projection(Protocol):
    """How far one projector has come. Thread-safe."""

    @property
    def name(self) -> str:
        """The projector's name."""
        ...

    @property
    def topics(self) -> Collection[str]:
        """What it reads."""
        ...

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return for each partition the first offset not yet projected."""
        ...

    def wait_for(self, positions: Mapping[TopicPartition, int], timeout: float) -> bool:
        """Wait until all offsets before these are projected; False where that took longer.

        Raises what stopped the projector, where something did.
        """
        ...

    def wake(self) -> None:
        """Make it look at the log at once."""
        ...


class Barrier:
    """Waits for the projections of one log."""

    def __init__(
        self, log: LogWatch, projections: Sequence[Projection], patience: float = PATIENCE_SECONDS
    ) -> None:
        self._log = log
        self._projections = projections
        self._patience = patience

    def log_end(self) -> Mapping[TopicPartition, int]:
        """Return how far the log reaches. Raises Unavailable or StorageFailed where it cannot be asked."""
        return self._log.ends()

    def wait(self, topics: Collection[str], ends: Mapping[TopicPartition, int] | None = None) -> None:
        """Return once every projector of these topics has reached `ends`, or the log's end of now.

        Raises Unavailable where that takes longer than the patience.
        """
        if ends is None:
            ends = self._log.ends()
        late = []
        for projection in self._projections:
            wanted = self._wanted(projection, topics, ends)
            if wanted:
                projection.wake()
                late.append((projection, wanted))
        deadline = time.monotonic() + self._patience
        for projection, wanted in late:
            if not projection.wait_for(wanted, max(0.0, deadline - time.monotonic())):
                raise Unavailable(
                    f"the {projection.name} projector did not catch up within {self._patience:g} s;"
                    " ask with consistency=eventual to read what it has, or try again"
                )

    def lag_ms(self, topics: Collection[str]) -> int:
        """Return the age of the oldest record of these topics that is not projected; 0 without any."""
        ends = self._log.ends()
        behind: dict[TopicPartition, int] = {}
        for projection in self._projections:
            reached = projection.positions()
            for partition in self._wanted(projection, topics, ends):
                offset = reached.get(partition, 0)
                behind[partition] = min(offset, behind.get(partition, offset))
        return self._log.oldest_age_ms(behind) if behind else 0

    @staticmethod
    def _wanted(
        projection: Projection, topics: Collection[str], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Return the ends that this projector has yet to reach."""
        reached = projection.positions()
        return {
            partition: end
            for partition, end in ends.items()
            if partition.topic in topics
            and partition.topic in projection.topics
            and reached.get(partition, 0) < end
        }


class Gated(Protocol):
    """A store, as far as it is read from."""

    barrier: Barrier
    gate: ReadGate


@contextmanager
def reading(store: Gated, topics: Collection[str], consistency: str = "strong") -> Iterator[dict[str, str]]:
    """Hold the tables of these topics still for a query that is as fresh as `consistency` asks.

    Yields the headers that tell how old the answer may be; none where that is not known.
    """
    headers = {LAG_HEADER: "0"}
    if consistency == "strong":
        # Before the gate: a swap waits for those within, and projectors stand still meanwhile.
        store.barrier.wait(topics)
    else:
        try:
            headers = {LAG_HEADER: str(store.barrier.lag_ms(topics))}
        except Unavailable:
            # The log is away: what is projected can be read, but nobody knows how old it is.
            headers = {}
    with store.gate.reading():
        yield headers
