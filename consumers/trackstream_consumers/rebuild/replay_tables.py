"""The tables of a database as a replay handles them: whose they are, copied, and exchanged.

Everything here is read from the database itself, so that a new table needs no entry, unless it is of another
projector than `entities` or holds the states of an aggregate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_consumers.store import engine_errors
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream_consumers.engine import Engine
    from trackstream_schemas.position import TopicPartition

_ENTITIES, _METRICS, _ARTIFACTS = "entities", "metrics", "artifacts"
_OF_PROJECTOR = {
    "metric_points": _METRICS,
    "metric_rollups": _METRICS,
    "latest_metrics": _METRICS,
    "metric_events": _METRICS,
    "writer_reports": _METRICS,
    "rewinds": _METRICS,
    "superseded": _METRICS,
    "artifacts": _ARTIFACTS,
}
_STATES = ("experiments", "runs", "logged_models", "traces", "registered_models", "launches")
_WRITTEN_LAST = (*_STATES, "positions")
BOOKKEEPING = frozenset({"epochs", "migrations", "positions"})
"""Tables of the projection itself, which hold nothing that was logged."""
SHARED = "events"
"""The one table that several projectors write, each the events of its topics."""
TOPICS_OF: Mapping[str, tuple[str, ...]] = {
    _METRICS: (topics.METRICS,),
    _ARTIFACTS: (topics.ARTIFACTS, topics.ARTIFACT_BYTES),
}
"""Topics by projector; all others are of `entities`."""
IN_EVENTS = frozenset(topics.EVENT_TOPICS) - {
    topics.METRICS,
    topics.ARTIFACT_BYTES,
    topics.DEAD_LETTERS,
}
"""Topics of which every record is kept in the table `events`."""
REFOLDED_WHOLE = frozenset({topics.REGISTRY, topics.DEAD_LETTERS})
"""Topics whose entities are not each for itself (one model's name depends on the others) or have no id."""
_WHOLE_TABLES = frozenset({"registered_models", "model_versions", "dead_letters", "dead_letter_resolutions"})
_ROWS_AT_ONCE = 50_000_000


class Table(NamedTuple):
    """One table of a database."""

    name: str
    engine: str
    """Its engine with its keys, as the database tells it."""
    key: tuple[str, ...]
    """The sorting key, which is the identity of a row."""
    columns: tuple[tuple[str, str], ...]
    """Name and type of what is stored in it by inserts."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns of the key that hold ids of entities."""
        return tuple(name for name in self.key if name.endswith("_id") and name != "producer_id")

    @property
    def projector(self) -> str:
        """Who writes it; of `events` and `positions` each writes a part."""
        return _OF_PROJECTOR.get(self.name, _ENTITIES)


class Kept(NamedTuple):
    """What is taken over into a shadow instead of being projected again."""

    projectors: frozenset[str]
    """Whose rows are taken over whole."""
    topics: frozenset[str]
    """Their topics."""
    untouched: bool
    """Whether of the other projectors the entities that are not in the shadow's table `touched` are too."""


def topics_of(projector: str) -> tuple[str, ...]:
    """Return the topics that a projector reads."""
    others = {topic for found in TOPICS_OF.values() for topic in found}
    rest = tuple(topic for topic in topics.EVENT_TOPICS if topic not in others)
    return TOPICS_OF.get(projector, rest)


def tables_of(engine: Engine) -> list[Table]:
    """Return the tables of a database in the order in which a projector writes them, the positions last."""
    query = (
        "SELECT t.name, t.engine_full, t.sorting_key, groupArray((c.name, c.type))"
        " FROM system.tables AS t INNER JOIN"
        " (SELECT * FROM system.columns WHERE default_kind NOT IN ('ALIAS', 'MATERIALIZED', 'EPHEMERAL')"
        " AND database = {database:String} ORDER BY table, position) AS c ON c.table = t.name"
        " WHERE t.database = {database:String} AND t.engine LIKE '%MergeTree' GROUP BY 1, 2, 3"
    )
    with engine_errors(), engine.client() as client:
        rows = client.query(query, parameters={"database": engine.database}).result_rows
    found = [
        Table(name, engine_full, tuple(key.split(", ")), tuple(map(tuple, columns)))
        for name, engine_full, key, columns in rows
    ]
    return sorted(found, key=lambda table: (_turn(table.name), table.name))


def copy_rows(
    live: Engine, shadow: Engine, kept: Kept, on_table: Callable[[str], None] = lambda name: None
) -> None:
    """Copy what is `kept` into the shadow's empty tables, save the positions, which the caller read before.

    While projectors write to the live tables: they write states behind what is derived from them, so here the
    states come first. What is copied then holds at least what lies before these positions, and what is behind
    them is whole or comes again.
    """
    there = {table.name: table for table in tables_of(live)}
    for table in reversed(tables_of(shadow)):
        if table.name in BOOKKEEPING:
            continue
        condition = _kept_rows(table, kept, shadow.database)
        if condition is not None:
            on_table(table.name)
            _copy(live, shadow, there[table.name], condition)


def swap_tables(live: Engine, shadow: Engine) -> None:
    """Exchange all tables. What is derived goes first and the positions last, as when they are written:

    cut anywhere, the consumers go on from the old positions and complete what is missing. Before all comes
    the epoch, for consumers in other processes.
    """
    with shadow.client() as client:
        rows = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        ).result_rows
    names = sorted((row[0] for row in rows if row[0] != "migrations"), key=lambda name: (_turn(name), name))
    pairs = ", ".join(f"{live.database}.{name} AND {shadow.database}.{name}" for name in names)
    with live.client() as client:
        client.command(f"EXCHANGE TABLES {pairs}")


def at_or_behind(positions: Mapping[TopicPartition, int]) -> str:
    """Return a condition on (topic, partition, offset) that is true at or behind these offsets."""
    lines = [
        f"(topic = '{at.topic}' AND partition = {at.partition:d} AND offset >= {offset:d})"
        for at, offset in sorted(positions.items())
    ]
    return f"({' OR '.join(lines)})" if lines else "0"


def _turn(name: str) -> int:
    if name == "epochs":
        return -2
    return _WRITTEN_LAST.index(name) if name in _WRITTEN_LAST else -1


def _kept_rows(table: Table, kept: Kept, shadow: str) -> str | None:
    """Return a condition on the rows that are kept; None: none of them."""
    others = f"NOT IN (SELECT id FROM {shadow}.touched)"
    if table.name == SHARED:
        wholly = f"topic IN ({', '.join(map(repr, sorted(kept.topics)))})" if kept.topics else "0"
        if not kept.untouched:
            return wholly if kept.topics else None
        whole = ", ".join(map(repr, sorted(REFOLDED_WHOLE)))
        return f"({wholly}) OR (topic NOT IN ({whole}) AND entity_id {others})"
    if table.projector in kept.projectors:
        return "1"
    if not kept.untouched or table.name in _WHOLE_TABLES:
        return None
    return " AND ".join(f"{name} {others}" for name in table.ids)


def _copy(live: Engine, shadow: Engine, table: Table, condition: str) -> None:
    names = ", ".join(name for name, _ in table.columns)
    into, values = names, names
    if shadow.fence is not None and shadow.fence.number:
        into, values = f"{names}, epoch", f"{names}, toUInt32({shadow.fence.number:d})"
    with engine_errors(), live.client() as client:
        rows = int(client.query(f"SELECT count() FROM {live.database}.{table.name}").result_rows[0][0])
        parts = 1 + rows // _ROWS_AT_ONCE
        for part in range(parts):
            client.command(
                f"INSERT INTO {shadow.database}.{table.name} ({into}) SELECT {values}"
                f" FROM {live.database}.{table.name} WHERE ({condition})"
                f" AND cityHash64({table.key[0]}) % {parts} = {part}"
            )
