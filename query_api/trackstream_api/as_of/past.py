"""A cut through the log as the statements that fill a snapshot need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackstream_consumers.store import engine_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.as_of.moment import Cut
    from trackstream_consumers.engine import Engine


@dataclass(frozen=True, slots=True)
class Past:
    """What to fill a snapshot with. Its methods raise SlowDown where the analytical store refuses."""

    live: str
    """Database of the live tables, which is in the same analytical store."""
    engine: Engine
    """Of the snapshot's own database."""
    cut: Cut

    def ends(self, topic: str) -> str:
        """Return SQL for the ends of a topic's partitions, an array whose index is the partition + 1."""
        of_topic = {at.partition: end for at, end in self.cut.items() if at.topic == topic}
        found = [str(of_topic.get(partition, 0)) for partition in range(max(of_topic, default=-1) + 1)]
        # Of a partition that is not in the cut nothing is in: behind its end an array has zeros.
        return f"CAST([{', '.join(found)}], 'Array(UInt64)')"

    def is_in(self, topic: str, offset: str = "offset") -> str:
        """Return the SQL condition that a row is of a record before the cut; the row has its `partition`."""
        return f"{offset} < {self.ends(topic)}[partition + 1]"

    def run(self, statement: str) -> None:
        """Run a statement in the snapshot's database."""
        with engine_errors(), self.engine.client() as client:
            client.command(statement)

    def select(self, query: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Return the rows of a query in the snapshot's database."""
        with engine_errors(), self.engine.client() as client:
            found: Sequence[Sequence[Any]] = client.query(
                query, parameters=dict(parameters or {})
            ).result_rows
        return found
