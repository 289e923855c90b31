"""What the entity projector needs of an aggregate, and the step that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from trackstream_consumers import store
from trackstream_consumers.errors import DeadLetter
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import pyarrow as pa

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


class Aggregate(Protocol):
    """One kind of entity, whose events are all on one topic, keyed by the entity's id."""

    @property
    def topic(self) -> str:
        """Where its events are."""
        ...

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        """Return the rows that `records` (all of `topic`, in log order) lead to, by table.

        The tables are inserted in the order of the mapping. A row of a state tells, by its version, which
        events it holds, and these are skipped when they come again; so what is derived from the events
        stands before the states: that makes a kill in between harmless.

        Raises DeadLetter for a record that can never be applied, and SlowDown where the store cannot be
        reached now.
        """
        ...


State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """One event that changed an entity."""

    before: State | None
    after: State
    record: Record


def fold_records(
    engine: Engine,
    records: Sequence[Record],
    select: str,
    state_of: Callable[[Sequence[Any]], State],
    fold: Callable[[State | None, Event, Position], State],
) -> tuple[dict[str, State], list[Step[State]]]:
    """Load the states of the entities that `records` touch and fold the records in.

    `select` reads state rows by the parameter {ids:Array(String)} and has the entity's id as its first
    column; `state_of` turns such a row into a state. Returns the states after the last record by entity,
    and a step for each record that was not held already.
    """
    ids = list(dict.fromkeys(record.key for record in records))
    states = {row[0]: state_of(row) for row in store.select_by_ids(engine, select, ids)}
    steps: list[Step[State]] = []
    for record in records:
        before = states.get(record.key)
        try:
            after = fold(before, record.event, record.position)
        except MalformedEvent as error:
            raise DeadLetter(record.position, error) from error
        if after is not before:
            states[record.key] = after
            steps.append(Step(before, after, record))
    return states, steps
