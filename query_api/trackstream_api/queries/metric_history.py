"""Points of a metric as MLflow tells them: exact repeats once, ordered by (timestamp, step, value), NaN as 0.

What a value logged twice on purpose looks like is lost that way; `metrics.history` keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.queries import page_token
from trackstream_api.queries.branches import newest
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.validate import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

# NaN compares with nothing: as with MLflow it stands behind 0, and all NaN are one value.
_VALUE = "if(isNaN(value), 0., value), isNaN(value)"
_PLACE = f"timestamp, step, {_VALUE}"


class DistinctPoint(NamedTuple):
    """One value of a metric of a run; timestamps in milliseconds since the epoch."""

    run_id: str
    timestamp: int
    step: int
    value: float


def distinct_points(
    engine: Engine, run_id: str, key: str, limit: int | None, token: str | None
) -> tuple[list[DistinctPoint], str | None]:
    """Return the next `limit` points behind `token` (None: all), and the token of the page that follows."""
    parameters: dict[str, Any] = {"run_id": run_id, "key": key}
    shown = newest(engine, [run_id])
    parameters |= shown.parameters
    behind = ""
    if token is not None:
        timestamp, step, value, is_nan = _place(token, run_id, key)
        parameters |= {"timestamp": timestamp, "step": step, "nan": is_nan, "value": value}
        behind = (
            f"AND timestamp >= {{timestamp:Int64}} AND ({_PLACE})"
            " > ({timestamp:Int64}, {step:Int64}, {value:Float64}, {nan:UInt8})"
        )
    limited = ""
    if limit is not None:
        parameters["limit"] = limit + 1
        limited = "LIMIT {limit:UInt32}"
    sql = f"""
        SELECT timestamp, step, any(value) FROM metric_points FINAL
        WHERE run_id = {{run_id:String}} AND key = {{key:String}} {behind} AND {shown.condition}
        GROUP BY {_PLACE} ORDER BY {_PLACE} {limited}
    """
    rows = select(engine, sql, parameters)
    following = None
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        timestamp, step, value = rows[-1]
        is_nan = int(value != value)
        place = [timestamp, step, (0.0 if is_nan else value).hex(), is_nan]
        following = page_token.write(place, (run_id, key, "distinct"))
    return [DistinctPoint(run_id, *row) for row in rows], following


def _place(token: str, run_id: str, key: str) -> tuple[int, int, float, int]:
    timestamp, step, value, is_nan = page_token.read(token, (int, int, str, int), (run_id, key, "distinct"))
    wrong = InvalidInput("page_token", token, "the next_page_token of an earlier page of the same query")
    if not all(INT64_MIN <= number <= INT64_MAX for number in (timestamp, step)) or is_nan not in (0, 1):
        raise wrong
    try:
        return timestamp, step, float.fromhex(value), is_nan
    except (ValueError, OverflowError):
        raise wrong from None


def points_of_runs(engine: Engine, run_ids: Sequence[str], key: str, limit: int) -> list[DistinctPoint]:
    """Return the first `limit` points of these runs, by run id and then as above."""
    shown = newest(engine, run_ids)
    sql = f"""
        SELECT run_id, timestamp, step, any(value) FROM metric_points FINAL
        WHERE run_id IN {{run_ids:Array(String)}} AND key = {{key:String}} AND {shown.condition}
        GROUP BY run_id, {_PLACE} ORDER BY run_id, {_PLACE} LIMIT {{limit:UInt32}}
    """
    parameters = {"run_ids": list(run_ids), "key": key, "limit": limit, **shown.parameters}
    rows = select(engine, sql, parameters)
    return [DistinctPoint(*row) for row in rows]


def sampled_points(
    engine: Engine, run_ids: Sequence[str], key: str, most: int, steps: tuple[int, int] | None
) -> list[DistinctPoint]:
    """Return at most `most` points of each run, evenly spread over its points in the order of the steps.

    As MLflow does: the points of a run are cut into `most` groups of equal size (the first ones greater by
    one), of which each gives its first point; the very last point takes the place of the last one. Runs in
    the order given.
    """
    within = "AND step BETWEEN {first:Int64} AND {last:Int64}" if steps else ""
    parameters: dict[str, Any] = {"run_ids": list(run_ids), "key": key, "most": most}
    shown = newest(engine, run_ids)
    parameters |= shown.parameters
    if steps:
        parameters |= {"first": steps[0], "last": steps[1]}
    # Of n points in m groups, the first n % m have n // m + 1: point i (from 0) is the first of its group
    # where its place `at` in it is 0.
    sql = f"""
        WITH
            {{most:UInt64}} AS most,
            intDiv(n, most) AS small,
            n % most AS greater,
            if(i < greater * (small + 1), i % (small + 1), (i - greater * (small + 1)) % greatest(small, 1))
                AS at
        SELECT run_id, timestamp, step, point, i + 1 = n AS is_last FROM
        (
            SELECT
                run_id, timestamp, step, point,
                row_number() OVER (
                    PARTITION BY run_id ORDER BY step, timestamp, if(isNaN(point), 0., point), isNaN(point)
                ) - 1 AS i,
                count() OVER (PARTITION BY run_id) AS n
            FROM
            (
                SELECT run_id, timestamp, step, any(value) AS point FROM metric_points FINAL
                WHERE run_id IN {{run_ids:Array(String)}} AND key = {{key:String}} {within}
                    AND {shown.condition}
                GROUP BY run_id, step, timestamp, {_VALUE}
            )
        )
        WHERE n <= most OR at = 0 OR i + 1 = n
        ORDER BY run_id, i
    """
    of_run: dict[str, list[DistinctPoint]] = {}
    for run_id, timestamp, step, value, is_last in select(engine, sql, parameters):
        found = of_run.setdefault(run_id, [])
        if is_last and len(found) == most:
            found.pop()
        found.append(DistinctPoint(run_id, timestamp, step, value))
    return [point for run_id in run_ids for point in of_run.get(run_id, ())]
