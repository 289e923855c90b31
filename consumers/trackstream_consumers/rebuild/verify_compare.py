"""Two databases with the same tables, compared row by row as readers see the rows (FINAL).

Each table is hashed in buckets on both sides, which is a scan and nothing kept in memory; only buckets that
differ are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_consumers import purge
from trackstream_consumers.store import engine_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.rebuild.replay_tables import Table

_BUCKETS = 256
_LONGEST = 500


class Difference(NamedTuple):
    """The first row, by its identity, that is not the same on both sides."""

    identity: dict[str, str]
    column: str | None
    """The first column that differs; None where the row is on one side only."""
    live: str | None
    """What the live table holds there; None where it has no such row."""
    log: str | None
    """What follows from the log; None where no such row does."""


@dataclass(frozen=True)
class TableComparison:
    """How one table compares."""

    table: str
    rows: int
    """Rows that follow from the log and were compared."""
    different: int
    first: Difference | None


def compare_table(engine: Engine, table: Table, live: str, log: str, condition: str = "1") -> TableComparison:
    """Compare one table of the databases `live` and `log`, both of the store that `engine` is on.

    Only rows that fulfil `condition` are compared; those of purged owners are not, since nobody sees them.
    """
    if table.name in purge.TABLES:
        condition = f"({condition}) AND run_id NOT IN (SELECT owner FROM {log}.purged_owners)"
    sides = [_Side(database, table, condition) for database in (live, log)]
    hashed = [_buckets(engine, side) for side in sides]
    rows = sum(count for count, _, _ in hashed[1].values())
    differing = [
        bucket for bucket in range(_BUCKETS) if hashed[0].get(bucket, ()) != hashed[1].get(bucket, ())
    ]
    different, first = 0, None
    for bucket in differing:
        count, identity = _differing(engine, table, sides, bucket)
        different += count
        if identity is not None and (first is None or identity < first):
            first = identity
    found = None if first is None else _difference(engine, table, sides, first)
    return TableComparison(table.name, rows, different, found)


class _Side(NamedTuple):
    database: str
    table: Table
    condition: str

    @property
    def rows(self) -> str:
        """The rows with their bucket and their hash."""
        values = ", ".join(_comparable(name, kind) for name, kind in self.table.columns)
        key = ", ".join(self.table.key)
        return (
            f"SELECT {key}, cityHash64({self.table.key[0]}) % {_BUCKETS} AS bucket,"
            f" cityHash64({values}) AS row_hash FROM {self.database}.{self.table.name} FINAL"
            f" WHERE {self.condition}"
        )


def _comparable(name: str, kind: str) -> str:
    """Return an expression that is equal where two values are the same for a reader, bit for bit."""
    if kind.startswith("Nullable"):
        return f"ifNull(toString({name}), '\\\\N')"
    if kind.startswith("Map"):
        return f"arraySort(arrayZip(mapKeys({name}), mapValues({name})))"
    if kind == "Float64":
        return f"reinterpretAsUInt64({name})"
    return name


def _buckets(engine: Engine, side: _Side) -> dict[int, tuple[int, int, int]]:
    query = f"SELECT bucket, count(), groupBitXor(row_hash), sum(row_hash) FROM ({side.rows}) GROUP BY bucket"
    return {row[0]: (row[1], row[2], row[3]) for row in _select(engine, query)}


def _differing(
    engine: Engine, table: Table, sides: Sequence[_Side], bucket: int
) -> tuple[int, tuple[Any, ...] | None]:
    key = ", ".join(table.key)
    both = " UNION ALL ".join(
        f"SELECT {key}, row_hash FROM ({side.rows}) WHERE bucket = {bucket}" for side in sides
    )
    query = f"SELECT {key} FROM ({both}) GROUP BY {key} HAVING count() != 2 OR min(row_hash) != max(row_hash)"
    count = int(_select(engine, f"SELECT count() FROM ({query})")[0][0])
    found = _select(engine, f"SELECT ({key},) FROM ({query}) ORDER BY {key} LIMIT 1")
    return count, tuple(found[0][0]) if found else None


def _difference(
    engine: Engine, table: Table, sides: Sequence[_Side], identity: tuple[Any, ...]
) -> Difference:
    kinds = dict(table.columns)
    named = {name: str(value) for name, value in zip(table.key, identity, strict=True)}
    where = " AND ".join(f"{name} = {{{name}:{_plain(kinds[name])}}}" for name in table.key)
    # As texts, and where these are equal (a NaN of another kind), as what is compared.
    shown = ", ".join(
        f"toString({name}), toString({_comparable(name, kind)})" for name, kind in table.columns
    )
    parameters = dict(zip(table.key, identity, strict=True))
    found = [
        _select(
            engine,
            f"SELECT {shown} FROM {side.database}.{table.name} FINAL WHERE ({side.condition}) AND {where}",
            parameters,
        )
        for side in sides
    ]
    live, log = (rows[0] if rows else None for rows in found)
    if live is None or log is None:
        whole = [_row_text(table, row) for row in (live, log)]
        return Difference(named, None, *whole)
    for number, (name, _) in enumerate(table.columns):
        texts, exact = (live[2 * number], log[2 * number]), (live[2 * number + 1], log[2 * number + 1])
        if exact[0] != exact[1]:
            return Difference(named, name, *map(_short, texts if texts[0] != texts[1] else exact))
    # Two rows of one identity on a side: then the engine of that table does not replace rows.
    return Difference(named, None, f"{len(found[0])} rows", f"{len(found[1])} rows")


def _row_text(table: Table, row: Sequence[Any] | None) -> str | None:
    if row is None:
        return None
    return _short(
        ", ".join(
            f"{name}={row[2 * number]}"
            for number, (name, _) in enumerate(table.columns)
            if name not in table.key and name != "message"
        )
    )


def _short(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"


def _plain(kind: str) -> str:
    return kind.removeprefix("LowCardinality(").removesuffix(")") if kind.startswith("LowC") else kind


def _select(engine: Engine, query: str, parameters: dict[str, Any] | None = None) -> Sequence[Sequence[Any]]:
    with engine_errors(), engine.client() as client:
        rows: Sequence[Sequence[Any]] = client.query(query, parameters=parameters).result_rows
    return rows
