"""Entities of every kind, and dead letters.

The order of the inserts is what makes a kill harmless: first all that is derived from the events, then
the states that say which events are in, and the positions last of all (see `aggregates.port`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import rows, store
from trackstream_consumers.aggregates.experiments import Experiments
from trackstream_consumers.aggregates.launches import Launches
from trackstream_consumers.aggregates.logged_models import LoggedModels
from trackstream_consumers.aggregates.registered_models import RegisteredModels
from trackstream_consumers.aggregates.runs import Runs
from trackstream_consumers.aggregates.traces import Traces
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pyarrow as pa

    from trackstream_consumers.aggregates.port import Aggregate
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition

AGGREGATES: tuple[Aggregate, ...] = (
    Experiments(),
    Runs(),
    LoggedModels(),
    Traces(),
    RegisteredModels(),
    Launches(),
)


class EntityProjector:
    """Folds each touched entity and writes its whole row."""

    name = "entities"
    topics = (*(aggregate.topic for aggregate in AGGREGATES), topics.DEAD_LETTERS)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def positions(self) -> dict[TopicPartition, int]:
        return store.positions(self._engine, self.name)

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is kept outside the store."""

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        by_topic: dict[str, list[Record]] = {topic: [] for topic in self.topics}
        for record in records:
            by_topic[record.position.topic].append(record)
        dead = by_topic.pop(topics.DEAD_LETTERS)
        # All is folded before anything is written: a record that cannot be applied leaves nothing behind.
        projected: list[Mapping[str, pa.Table]] = [
            aggregate.project(self._engine, by_topic[aggregate.topic])
            for aggregate in AGGREGATES
            if by_topic[aggregate.topic]
        ]
        tables = [
            ("events", rows.event_rows(record for some in by_topic.values() for record in some)),
            ("dead_letters", rows.dead_letter_rows(dead)),
            ("dead_letter_resolutions", rows.dead_letter_resolution_rows(dead)),
            *(item for found in projected for item in found.items()),
        ]
        for table, content in tables:
            store.insert(self._engine, table, content)
        store.save_positions(self._engine, self.name, reached)
        return sum(content.num_rows for _, content in tables)
