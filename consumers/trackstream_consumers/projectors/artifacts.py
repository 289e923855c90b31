"""Artifacts: their metadata to ClickHouse, their bytes to the blob store.

Chunks of an upload that is not whole yet are in this process's directory only. Where another process may
go on with the partition (a consumer group), there are therefore two positions of the bytes: how far they
are taken, which readers wait for, and (under RESUME) the first chunk of the oldest upload that is not
whole, where whoever has the partition next begins. What it reads again of whole uploads it finds in the
blob store.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from trackstream_consumers import rows, store
from trackstream_consumers.errors import DeadLetter
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.projectors.uploads import UploadSink
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition


RESUME = "artifacts.resume"
"""Under which the positions of the bytes are kept that a next owner begins at."""


class ArtifactProjector:
    """Writes file rows and gathers chunks."""

    name = "artifacts"
    topics = (topics.ARTIFACTS, topics.ARTIFACT_BYTES)

    def __init__(self, engine: Engine, uploads: UploadSink) -> None:
        self._engine = engine
        self._uploads = uploads

    def positions(self) -> dict[TopicPartition, int]:
        found = store.positions(self._engine, self.name)
        if self._uploads.outlives_process:
            return found
        metadata = {at: offset for at, offset in found.items() if at.topic != topics.ARTIFACT_BYTES}
        return metadata | store.positions(self._engine, RESUME)

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        self._uploads.keep_only_of(partitions)

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        logged: list[Record] = []
        for record in records:
            body = record.event.body
            try:
                if isinstance(body, e.ArtifactChunk):
                    self._uploads.take(body, record.position)
                    continue
                _check(body)
            except MalformedEvent as error:
                raise DeadLetter(record.position, error) from error
            logged.append(record)
        self._uploads.sync()
        files = rows.artifact_rows(self._without_repeats(logged))
        # The events come last before the positions: a repeat is known by the events of earlier batches.
        store.insert(self._engine, "artifacts", files)
        store.insert(self._engine, "events", rows.event_rows(logged))
        store.save_positions(self._engine, self.name, reached, self._resume(reached))
        return int(files.num_rows)

    def _resume(self, reached: Mapping[TopicPartition, int]) -> dict[str, dict[TopicPartition, int]]:
        if self._uploads.outlives_process:
            return {}
        of_bytes = {at: offset for at, offset in reached.items() if at.topic == topics.ARTIFACT_BYTES}
        return {RESUME: self._uploads.unfinished_from(of_bytes)}

    def _without_repeats(self, records: Sequence[Record]) -> list[Record]:
        """Leave out events that were appended again: an old one must not come back over a newer one."""
        by_partition: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[record.position.partition].append(record)
        return [
            record
            for partition, of_it in by_partition.items()
            for record in self._new_in_partition(partition, of_it)
        ]

    def _new_in_partition(self, partition: int, records: Sequence[Record]) -> list[Record]:
        # Only what lies before the batch counts: its own events may have come in by a killed attempt.
        query = (
            "SELECT entity_id, producer_id, max(sequence) FROM events"
            f" WHERE topic = '{topics.ARTIFACTS}' AND entity_id IN {{ids:Array(String)}}"
            f" AND partition = {partition:d} AND offset < {records[0].position.offset:d}"
            " GROUP BY entity_id, producer_id"
        )
        ids = list(dict.fromkeys(record.key for record in records))
        applied: dict[tuple[str, str], int] = {
            (row[0], row[1]): row[2] for row in store.select_by_ids(self._engine, query, ids)
        }
        new = []
        for record in records:
            envelope = record.event.envelope
            producer = (record.key, envelope.producer_id)
            if envelope.sequence > applied.get(producer, -1):
                applied[producer] = envelope.sequence
                new.append(record)
        return new


def _check(body: e.Body) -> None:
    if not isinstance(body, e.ArtifactLogged | e.ArtifactDeleted):
        raise MalformedEvent("event", type(body).__name__, "an event of an artifact")
    if isinstance(body, e.ArtifactLogged) and body.size < 0:
        raise MalformedEvent("size", body.size, "a number of bytes")
