"""Running a statement of ours and turning the engine's failures into errors of the tree."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from clickhouse_connect.driver.exceptions import Error as ClickHouseError

from trackstream_schemas.errors import StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_consumers.engine import Engine

# A statement for a few rows is some milliseconds of planning in one thread of the engine.
_beside = ThreadPoolExecutor(4, thread_name_prefix="trackstream-select")
_CODE = re.compile(r"[Cc]ode: (\d+)")
_PLAIN_STRINGS = {
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
}
# Codes of ClickHouse's ErrorCodes.cpp.
_DISK = {"74", "75", "76", "107", "117", "243", "246"}
_BUSY = {"159", "202", "209", "210", "241", "242", "319", "999"}


def select(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> list[Sequence[Any]]:
    """Return the rows of a statement whose `{name:Type}` placeholders `parameters` fill.

    Raises Unavailable where the engine is out of reach or out of memory for now, and StorageFailed
    where its disk is full or damaged.
    """
    try:
        with engine.client() as client:
            return list(client.query(sql, parameters=dict(parameters)).result_rows)
    except ClickHouseError as error:
        raise _translated(error) from error


def select_arrow(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
    """Return the rows as an Arrow table, with plain strings. Raises as `select` does."""
    try:
        with engine.client() as client:
            answer = client.raw_query(
                sql, parameters=dict(parameters), settings=_PLAIN_STRINGS, fmt="ArrowStream"
            )
    except ClickHouseError as error:
        raise _translated(error) from error
    return pa.ipc.open_stream(io.BytesIO(answer)).read_all()


def select_both(
    engine: Engine, one: str, other: str, parameters: Mapping[str, Any]
) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    """Return the rows of two statements, run side by side. Raises as `select` does."""
    aside = _beside.submit(select, engine, other, parameters)
    try:
        rows = select(engine, one, parameters)
    finally:
        # Not left behind: the caller may hold the tables still just as long as this takes.
        wait([aside])
    return rows, aside.result()


def _translated(error: ClickHouseError) -> TrackstreamError:
    found = _CODE.search(str(error))
    code = found.group(1) if found else ""
    reason = str(error).splitlines()[0][:300]
    if code in _DISK:
        return StorageFailed(f"the analytical store cannot read its files: {reason}")
    if code in _BUSY or not code:
        return Unavailable(f"the analytical store did not answer: {reason}")
    return TrackstreamError(f"the analytical store refused a query of ours: {reason}")
