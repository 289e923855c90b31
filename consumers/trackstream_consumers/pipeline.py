"""All projectors of one store with their consumers: what a server runs."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.projectors.uploads import UploadSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trackstream_consumers.consumer import ConsumerSettings
    from trackstream_consumers.dead_letters import DeadLetterLimits
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition


class PartitionStatus(NamedTuple):
    """How far one projector is with one partition."""

    projector: str
    topic: str
    partition: int
    next_offset: int
    end: int


def projectors(engine: Engine, uploads: UploadSink) -> tuple[Projector, ...]:
    """Return every projector there is, writing to `engine`."""
    return EntityProjector(engine), MetricProjector(engine), ArtifactProjector(engine, uploads)


class Pipeline:
    """The consumers of one store. `engine`'s database must be migrated.

    `wait_until_current`, `status`, `lag_ms` and `nudge` are for any thread.
    """

    def __init__(
        self,
        engine: Engine,
        open_reader: Callable[[Sequence[str]], LogReader],
        blobs: BlobStore,
        uploads: Path,
        dead_letters: Callable[[DeadLettered], None],
        settings: ConsumerSettings | None = None,
        limits: DeadLetterLimits | None = None,
    ) -> None:
        """Open a reader per projector; nothing is projected before `start` or `catch_up`.

        `open_reader` makes a reader of the named topics, `uploads` is the directory of partial
        uploads, and for `dead_letters` see `Consumer`.
        """
        self.engine = engine
        self.open_reader = open_reader
        self.blobs = blobs
        self.uploads = uploads
        self.dead_letters = dead_letters
        self.settings = settings
        self.limits = limits
        found = projectors(engine, UploadSink(uploads, blobs))
        self.consumers = tuple(
            Consumer(open_reader(projector.topics), projector, dead_letters, settings, limits)
            for projector in found
        )
        self._ends_reader = open_reader([topic for projector in found for topic in projector.topics])
        self._ends_lock = threading.Lock()
        self._running = False

    def start(self) -> None:
        """Run every consumer in a thread of its own."""
        for consumer in self.consumers:
            consumer.start()
        self._running = True

    def stop(self) -> None:
        """Let every consumer finish its batch; returns once their threads have ended."""
        self._running = False
        for consumer in self.consumers:
            consumer.stop()

    def close(self) -> None:
        """Stop and release the readers; the engine stays open."""
        self.stop()
        for consumer in self.consumers:
            consumer.close()
        with self._ends_lock:
            self._ends_reader.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the consumers for a while; they read their positions anew when they go on."""
        running = self._running
        self.stop()
        try:
            yield
        finally:
            if running:
                self.start()

    def catch_up(self) -> None:
        """Project up to the log's end in the calling thread; not while the consumers run."""
        for consumer in self.consumers:
            consumer.catch_up()

    def ends(self) -> dict[TopicPartition, int]:
        """Return for each partition that is projected the offset that its next record will get."""
        with self._ends_lock:
            return self._ends_reader.end()

    def nudge(self) -> None:
        """Have what is on the log projected without delay."""
        for consumer in self.consumers:
            consumer.nudge()

    def wait_until_current(self, timeout: float) -> bool:
        """Wait until all that is on the log now is projected, and return whether it is.

        At most `timeout` seconds; False at once where a consumer that is behind has failed. This is the
        read barrier.
        """
        ends = self.ends()
        deadline = time.monotonic() + timeout
        behind = []
        for consumer in self.consumers:
            wanted = {key: end for key, end in ends.items() if key.topic in consumer.projector.topics}
            if not consumer.progress.snapshot().has_reached(wanted):
                consumer.nudge()
                behind.append((consumer, wanted))
        return all(
            consumer.progress.wait_for(wanted, max(0.0, deadline - time.monotonic()))
            for consumer, wanted in behind
        )

    def status(self) -> list[PartitionStatus]:
        """Return how far every projector is with every partition."""
        ends = self.ends()
        found = []
        for consumer in self.consumers:
            reached = consumer.progress.snapshot().positions
            for key, end in ends.items():
                if key.topic in consumer.projector.topics:
                    found.append(PartitionStatus(consumer.projector.name, *key, reached.get(key, 0), end))
        return found

    def lag_ms(self) -> int:
        """Return the age of the oldest record that is not projected; 0 where there is none."""
        if all(line.next_offset >= line.end for line in self.status()):
            return 0
        # A record that no consumer has seen yet is at most one look at the log old.
        return max(1, *(consumer.progress.snapshot().lag_ms for consumer in self.consumers))
