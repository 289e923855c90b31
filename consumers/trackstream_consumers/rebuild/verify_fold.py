"""A projection of the log into tables of its own, up to a limit that is raised step by step."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.consumer import Consumer
from trackstream_consumers.pipeline import projectors
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.rebuild.verify_reader import BoundedReader
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.log.port import LogReader
    from trackstream_schemas.blobs import BlobStore
    from trackstream_schemas.events import DeadLettered
    from trackstream_schemas.position import TopicPartition

_REPORT_EVERY = 0.2


class VerifyProgress(NamedTuple):
    """How far the fold of the log is. The total grows while it runs."""

    records_done: int
    records_total: int


class Fold:
    """Made by `folding`. `engine` is on the database that is filled."""

    def __init__(
        self,
        engine: Engine,
        consumers: Sequence[tuple[Consumer, BoundedReader]],
        ends_reader: LogReader,
        report: Callable[[VerifyProgress], None] | None,
    ) -> None:
        self.engine = engine
        self._consumers = consumers
        self._ends_reader = ends_reader
        self._report = report

    def ends(self) -> dict[TopicPartition, int]:
        """Return how far the log reaches now, of the topics that are projected."""
        return self._ends_reader.end()

    def reach(self, wanted: Mapping[TopicPartition, int]) -> None:
        """Project up to, not including, these offsets, or the log's end where that is nearer.

        Raises what stopped a projection.
        """
        limit = {at: min(end, wanted.get(at, 0)) for at, end in self.ends().items()}
        for consumer, reader in self._consumers:
            reader.raise_to(limit)
            consumer.nudge()
        for consumer, reader in self._consumers:
            own = {at: limit.get(at, 0) for at in reader.assigned()}
            while not consumer.progress.wait_for(own, _REPORT_EVERY):
                failure = consumer.progress.snapshot().failure
                if failure is not None:
                    raise failure
                self._tell(limit)
        self._tell(limit)

    def records(self) -> int:
        """Return how many records were projected."""
        return sum(consumer.progress.snapshot().records for consumer, _ in self._consumers)

    def _tell(self, limit: Mapping[TopicPartition, int]) -> None:
        if self._report is not None:
            done = self.records()
            self._report(VerifyProgress(done, max(done, sum(limit.values()))))


@contextmanager
def folding(
    engine: Engine,
    open_reader: Callable[[Sequence[str]], LogReader],
    names: Collection[str],
    blobs: BlobStore,
    scratch: Path,
    report: Callable[[VerifyProgress], None] | None,
) -> Iterator[Fold]:
    """Give a fold of these projectors' topics into `engine`'s empty tables, which begins at nothing.

    The entities are always among them: they tell what was purged. Chunks of files are not read, so neither
    `blobs` nor `scratch` is touched.
    """
    letters: list[DeadLettered] = []
    consumers: list[tuple[Consumer, BoundedReader]] = []
    read: list[str] = []
    with ExitStack() as opened:
        for projector in projectors(engine, UploadSink(scratch, blobs)):
            if projector.name != "entities" and projector.name not in names:
                continue
            wanted = [topic for topic in projector.topics if topic != topics.ARTIFACT_BYTES]
            read += wanted
            reader = BoundedReader(open_reader(wanted), {})
            consumer = Consumer(reader, projector, letters.append)
            opened.callback(consumer.close)
            consumers.append((consumer, reader))
        ends_reader = open_reader(read)
        opened.callback(ends_reader.close)
        for consumer, _ in consumers:
            consumer.start()
        yield Fold(engine, consumers, ends_reader, report)
