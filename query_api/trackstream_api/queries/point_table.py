"""Points of many metrics as one Arrow table, written page by page: no Python object is made for a point."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_api.queries.branches import newest
from trackstream_api.queries.execution import select, select_arrow
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_consumers.engine import Engine

_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("run_id", _TEXT, nullable=False),
        pa.field("key", _TEXT, nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("writer", _TEXT, nullable=False),
    ]
)
"""What the table's columns are; the same few texts come again and again, so they are dictionaries."""
POINTS_A_PAGE = 250_000
MOST_POINTS = 100_000_000
"""Most points of one answer, which stands on the server's disk (36 bytes a point) until it is sent."""
# The sorting key: what makes pages follow upon each other, and lets the engine read on instead of sorting.
_PLACE = ("run_id", "key", "step", "timestamp", "producer_id", "sequence", "point")
_ORDER = ", ".join(_PLACE)
_BEHIND = f"""
    AND (
        run_id > {{at_run_id:String}} OR (run_id = {{at_run_id:String}} AND (
            key > {{at_key:String}} OR (key = {{at_key:String}} AND step >= {{at_step:Int64}})
        ))
    )
    AND ({_ORDER}) > (
        {{at_run_id:String}}, {{at_key:String}}, {{at_step:Int64}}, {{at_timestamp:Int64}},
        {{at_producer_id:String}}, {{at_sequence:UInt64}}, {{at_point:UInt32}}
    )
"""


def write_points(engine: Engine, run_ids: Sequence[str], keys: Sequence[str] | None, out: IO[bytes]) -> int:
    """Write every point of these runs and metrics (None: all) to `out` as an Arrow IPC stream of SCHEMA, by
    run, key, step and timestamp, and return how many there are.

    They are those of the newest branch of each run, bit for bit, as `metrics.history` gives them. Raises
    NotFound for runs that are not there, InvalidInput where there are more than MOST_POINTS.
    """
    shown = newest(engine, run_ids)
    parameters: dict[str, Any] = {"run_ids": list(run_ids), "limit": POINTS_A_PAGE, **shown.parameters}
    of_keys = ""
    if keys is not None:
        parameters["keys"] = list(keys)
        of_keys = "AND key IN {keys:Array(String)}"
    with_points: set[str] = set()
    written = 0
    behind = ""
    with pa.ipc.new_stream(out, SCHEMA) as stream:
        while True:
            sql = f"""
                SELECT {_ORDER}, value, writer FROM metric_points FINAL
                WHERE run_id IN {{run_ids:Array(String)}} {of_keys} {behind} AND {shown.condition}
                ORDER BY {_ORDER} LIMIT {{limit:UInt32}}
            """
            page = select_arrow(engine, sql, parameters)
            table = _shaped(page)
            stream.write_table(table)
            written += len(table)
            if written > MOST_POINTS:
                right = f"runs and keys with at most {MOST_POINTS} points together"
                raise InvalidInput("run_ids", f"{len(run_ids)} runs", right)
            for chunk in table.column("run_id").chunks:
                with_points.update(chunk.dictionary.to_pylist())
            if len(page) < POINTS_A_PAGE:
                break
            parameters |= _last_place(page)
            behind = _BEHIND
    _require(engine, set(run_ids) - with_points)
    return written


def _shaped(page: pa.Table) -> pa.Table:
    columns = []
    for field in SCHEMA:
        column = page.column(field.name)
        encoded = column.dictionary_encode() if field.type == _TEXT else column
        columns.append(encoded.cast(field.type))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _last_place(page: pa.Table) -> Mapping[str, Any]:
    return {f"at_{name}": page.column(name)[-1].as_py() for name in _PLACE}


def _require(engine: Engine, run_ids: set[str]) -> None:
    """Raise NotFound for those of these runs that do not exist."""
    sql = """
        SELECT run_id FROM runs FINAL
        WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
    """
    missing = run_ids - {row[0] for row in select(engine, sql, {"ids": sorted(run_ids)})} if run_ids else ()
    if missing:
        raise NotFound(f"no run with id {', '.join(map(repr, sorted(missing)[:5]))}")
