"""How far projectors in other processes have come, as the analytical store says: the barrier's other half."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trackstream_api.queries.execution import select
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trackstream_consumers.engine import Engine

    Positions = dict[str, dict[TopicPartition, int]]

# Not FINAL: a position only grows, and its highest row is it.
_QUERY = "SELECT projector, topic, partition, max(next_offset) FROM positions GROUP BY 1, 2, 3"
_GOOD_FOR_SECONDS = 0.5
_FIRST_SLEEP, _LONGEST_SLEEP = 0.005, 0.1


class StoredPositions:
    """Reads the positions of all projectors at once; callers at the same time share a query. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._asked = float("-inf")
        self._found: Positions = {}

    def since(self, moment: float) -> Positions:
        """Return them as they were at `moment` (of the monotonic clock) or later, by projector.

        Raises Unavailable or StorageFailed where the store cannot be asked.
        """
        with self._turn:
            if self._asked < moment:
                asked = time.monotonic()
                found: Positions = {}
                for projector, topic, partition, offset in select(self._engine, _QUERY, {}):
                    found.setdefault(projector, {})[TopicPartition(topic, partition)] = int(offset)
                self._found, self._asked = found, asked
            return self._found


class StoredProjection:
    """Implements `barrier.Projection` for a projector that runs elsewhere."""

    def __init__(self, name: str, topics: Collection[str], stored: StoredPositions) -> None:
        self.name = name
        self.topics = frozenset(topics)
        self._stored = stored

    def positions(self) -> Mapping[TopicPartition, int]:
        """Return them as of half a second ago or later: behind at most, never ahead."""
        return self._stored.since(time.monotonic() - _GOOD_FOR_SECONDS).get(self.name, {})

    def wait_for(self, positions: Mapping[TopicPartition, int], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        pause = _FIRST_SLEEP
        while True:
            reached = self._stored.since(time.monotonic()).get(self.name, {})
            if all(reached.get(partition, 0) >= offset for partition, offset in positions.items()):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_SLEEP)

    def wake(self) -> None:
        """Consumers elsewhere poll the log without being told."""
