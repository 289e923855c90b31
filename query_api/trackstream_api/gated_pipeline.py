"""The projectors of this process as the API needs them: waited for by readers, and gated when swapped."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trackstream_consumers.pipeline import Pipeline
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trackstream_api.read_gate import ReadGate
    from trackstream_consumers.consumer import Consumer
    from trackstream_schemas.position import TopicPartition


class GatedPipeline(Pipeline):
    """A pipeline that keeps readers out while it is paused: that is when a replay swaps the tables."""

    def __init__(self, gate: ReadGate, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._gate = gate

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self._gate.closed(), super().paused():
            yield


class LiveProjection:
    """Implements `barrier.Projection` over a consumer's progress."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self.name = consumer.projector.name
        self.topics = frozenset(consumer.projector.topics)

    def positions(self) -> Mapping[TopicPartition, int]:
        return self._consumer.progress.snapshot().positions

    def wait_for(self, positions: Mapping[TopicPartition, int], timeout: float) -> bool:
        reached = self._consumer.progress.wait_for(positions, timeout)
        failure = self.failure()
        if not reached and failure:
            raise Unavailable(f"{failure}; ask with consistency=eventual to read what it has")
        return reached

    def wake(self) -> None:
        self._consumer.nudge()

    def failure(self) -> str | None:
        """Return why the projector has stopped for good, or None."""
        now = self._consumer.progress.snapshot()
        return f"the {self.name} projector has stopped: {now.failure}" if now.state == "failed" else None

    def waiting(self) -> str | None:
        """Return why the projector waits before it goes on, or None."""
        now = self._consumer.progress.snapshot()
        if now.state != "running" or now.trouble is None:
            return None
        return f"the {self.name} projector waits: {now.trouble}"
