"""Inserts and positions: how projectors talk to the analytical store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from trackstream_consumers.disk_reserve import VARIABLE
from trackstream_consumers.errors import SlowDown, TablesSwapped
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trackstream_consumers.engine import Engine

_REFUSES_THE_DATA = frozenset({6, 27, 53, 69, 70, 72, 117, 131, 321, 349, 407, 691})
"""ClickHouse error codes that speak of the values sent with an insert (CANNOT_PARSE_TEXT, TYPE_MISMATCH,
VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE ...). Source: src/Common/ErrorCodes.cpp. With any other the records
may well be fine: they are kept and tried again. CANNOT_READ_ALL_DATA (33) is none of them: what could not be
read whole may be the store's own file, on a disk that is full."""
_NOT_ENOUGH_SPACE = 243
_OTHER_EPOCH = 395
"""FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: what a table of another epoch answers, see `epoch.fence_tables`."""
_IDS_A_QUERY = 2000
POSITIONS = pa.schema(
    {
        "projector": pa.string(),
        "topic": pa.string(),
        "partition": pa.uint16(),
        "next_offset": pa.uint64(),
    }
)


class RowsRefused(ValueError):
    """The engine will not have these values."""


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn the engine's errors into SlowDown: what sends no values cannot fail because of them."""
    try:
        yield
    except (ClickHouseError, Unavailable, OSError) as error:
        if getattr(error, "code", None) == _NOT_ENOUGH_SPACE:
            text = (
                f"the analytical store's disk is nearly full; {VARIABLE} is what is left free of it ({error})"
            )
            raise SlowDown(text) from error
        raise SlowDown(f"the analytical store: {error}") from error


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the engine's errors that speak of the values sent into RowsRefused, or TablesSwapped."""
    try:
        yield
    except ClickHouseError as error:
        if getattr(error, "code", None) == _OTHER_EPOCH:
            raise TablesSwapped(str(error)) from error
        if getattr(error, "code", None) not in _REFUSES_THE_DATA:
            raise
        raise RowsRefused(str(error)) from error


def insert(engine: Engine, table: str, rows: pa.Table) -> None:
    """Insert `rows` as one block, all or nothing; no rows is no insert.

    Raises TablesSwapped where the table is of another epoch than that of the engine's fence.
    """
    if rows.num_rows:
        if engine.fence is not None and engine.fence.number:
            epoch = pa.array([engine.fence.number], pa.uint32()).take(pa.array([0] * rows.num_rows))
            rows = rows.append_column("epoch", epoch)
        with engine_errors(), _refusals(), engine.client() as client:
            client.insert_arrow(table, rows)


def select_by_ids(engine: Engine, query: str, ids: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield the rows of `query`, which has the parameter {ids:Array(String)}, for any number of ids."""
    for start in range(0, len(ids), _IDS_A_QUERY):
        with engine_errors(), engine.client() as client:
            found = client.query(query, parameters={"ids": list(ids[start : start + _IDS_A_QUERY])})
        yield from found.result_rows


def positions(engine: Engine, projector: str) -> dict[TopicPartition, int]:
    """Return for each partition the first offset that `projector` has not projected.

    Raises TablesSwapped where these would be the positions of other tables than before.
    """
    if engine.fence is not None:
        engine.fence.enter()
    with engine_errors(), engine.client() as client:
        found = client.query(
            "SELECT topic, partition, next_offset FROM positions FINAL WHERE projector = {projector:String}",
            parameters={"projector": projector},
        )
    return {TopicPartition(row[0], row[1]): row[2] for row in found.result_rows}


def save_positions(
    engine: Engine,
    projector: str,
    reached: Mapping[TopicPartition, int],
    others: Mapping[str, Mapping[TopicPartition, int]] | None = None,
) -> None:
    """Note how far `projector` has come: the last thing it writes, once the rows are in.

    `others` are positions under other names that become visible together with these.
    """
    rows = [
        {"projector": name, "topic": key.topic, "partition": key.partition, "next_offset": offset}
        for name, positions in {projector: reached, **(others or {})}.items()
        for key, offset in positions.items()
    ]
    insert(engine, "positions", pa.Table.from_pylist(rows, schema=POSITIONS))
