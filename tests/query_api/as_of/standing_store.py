"""A store that stands where it is told to: real parts, but it projects only when told."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tests.consumers.direct_log import DirectLog
from trackstream_api.as_of.snapshots import Snapshots
from trackstream_api.barrier import Barrier
from trackstream_api.log_watch import SqliteLogWatch
from trackstream_api.read_gate import ReadGate
from trackstream_api.stored_positions import StoredPositions, StoredProjection
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.projectors.artifacts import ArtifactProjector
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.projectors.uploads import UploadSink
from trackstream_consumers.records import Record
from trackstream_schemas import codec, routing, sqlite_layout
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.projectors.port import Projector
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position

BEGIN = 1_600_000_000_000
"""When the log takes its first records; it takes some every TICK milliseconds."""
TICK = 10
_PARTITIONS = 2


class StandingStore:
    """A log in `directory`, and the tables of `engine`. Close it."""

    def __init__(self, engine: Engine, directory: Path, shared: bool = False) -> None:
        self.engine = engine
        self.taken = 0
        """How often the log has taken records."""
        self.log = DirectLog(directory / "log.db", _PARTITIONS, lambda: BEGIN + TICK * self.taken)
        self._watch = SqliteLogWatch(self.log.path)
        uploads = UploadSink(directory / "uploads", DirectoryBlobStore(directory / "blobs"))
        found: tuple[Projector, ...] = (
            EntityProjector(engine),
            MetricProjector(engine),
            ArtifactProjector(engine, uploads),
        )
        self._projector = {topic: projector for projector in found for topic in projector.topics}
        stored = StoredPositions(engine)
        self.barrier = Barrier(
            self._watch,
            [StoredProjection(projector.name, projector.topics, stored) for projector in found],
        )
        self.gate = ReadGate()
        self.snapshots = Snapshots(engine, shared)

    def partition_of(self, event: Event) -> TopicPartition:
        """Return where the log puts an event."""
        topic = routing.topic_of(event.body)
        partitions = sqlite_layout.partitions_of(topic, _PARTITIONS)
        return TopicPartition(topic, sqlite_layout.partition_of(routing.key_of(event.body), partitions))

    def take(self, *events: Event) -> list[Position]:
        """Append events at one moment and project them; the next ones come a TICK later."""
        positions = self.log.append(*events)
        self.taken += 1
        batches: defaultdict[Projector, list[Record]] = defaultdict(list)
        for position, event in zip(positions, events, strict=True):
            record = Record(position, routing.key_of(event.body), event, codec.encode(event))
            batches[self._projector[position.topic]].append(record)
        for projector, records in batches.items():
            reached = {record.position.topic_partition: record.position.offset + 1 for record in records}
            projector.apply(records, reached)
        return positions

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        return SqliteLogReader(self.log.path, topics)

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        return self._watch.offsets_at(millis)

    def ends(self) -> Mapping[TopicPartition, int]:
        """Return where the log ends."""
        return self._watch.ends()

    def close(self) -> None:
        self.snapshots.close()
        self._watch.close()
        self.log.close()
