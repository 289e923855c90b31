"""Metric points: summed up, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.models.metrics import (
    MetricSummaries,
    MetricSummary,
    Point,
    PointPage,
    StepPage,
    StepPoint,
)
from trackstream_api.models.runs import LatestMetric
from trackstream_api.queries import page_token
from trackstream_api.queries.branches import visible
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.validate import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_SUMMARIES = """
    SELECT
        key, count(), min(step), max(step), min(timestamp), max(timestamp),
        minIfOrNull(value, NOT isNaN(value)), maxIfOrNull(value, NOT isNaN(value)),
        argMax((value, step, timestamp), (step, timestamp, NOT isNaN(value), value))
    FROM metric_points FINAL
    WHERE run_id = {{run_id:String}} AND {visible}
    GROUP BY key ORDER BY key
"""


def summaries(engine: Engine, run_id: str, branch: int | None = None) -> MetricSummaries:
    """Return what each metric of a run amounts to, on one branch (None: the newest). Raises NotFound."""
    shown = visible(engine, run_id, branch)
    rows = select(engine, _SUMMARIES.format(visible=shown.condition), {"run_id": run_id, **shown.parameters})
    return MetricSummaries.model_construct(metrics=[_summary(row) for row in rows])


def _summary(row: Sequence[Any]) -> MetricSummary:
    value, step, timestamp = row[8]
    return MetricSummary.model_construct(
        key=row[0],
        points=row[1],
        first_step=row[2],
        last_step=row[3],
        first_timestamp=row[4],
        last_timestamp=row[5],
        min=row[6],
        max=row[7],
        latest=LatestMetric(value=value, step=step, timestamp=timestamp),
    )


# The order of the table's sorting key behind (run_id, key): what makes pages stable.
_PLACE = "step, timestamp, producer_id, sequence, point"
_AFTER = """
    AND step >= {step:Int64}
    AND (step, timestamp, producer_id, sequence, point)
        > ({step:Int64}, {timestamp:Int64}, {producer:String}, {sequence:UInt64}, {point:UInt32})
"""


def history(
    engine: Engine,
    run_id: str,
    key: str,
    limit: int,
    token: str | None,
    writer: str | None = None,
    branch: int | None = None,
) -> PointPage:
    """Return the next `limit` points of a metric behind `token`, in log-independent order.

    The order is (step, timestamp, producer_id, sequence, point): a point that arrives between two pages
    shifts none of the others. `writer` None means all; `branch` None the newest. Raises NotFound.
    """
    shown = visible(engine, run_id, branch)
    parameters: dict[str, Any] = {"run_id": run_id, "key": key, "limit": limit + 1, **shown.parameters}
    query = _page_of(run_id, key, writer=writer, branch=branch)
    of_writer = ""
    if writer is not None:
        parameters["writer"] = writer
        of_writer = "AND writer = {writer:String}"
    if token is not None:
        place = page_token.read(token, (int, int, str, int, int), query)
        _check_bounds(place, token)
        parameters |= dict(zip(("step", "timestamp", "producer", "sequence", "point"), place, strict=True))
    sql = f"""
        SELECT step, timestamp, value, writer, producer_id, sequence, point FROM metric_points FINAL
        WHERE run_id = {{run_id:String}} AND key = {{key:String}} {of_writer}
            {_AFTER if token is not None else ""} AND {shown.condition}
        ORDER BY {_PLACE} LIMIT {{limit:UInt32}}
    """
    rows = select(engine, sql, parameters)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        step, timestamp, _, _, producer, sequence, point = rows[-1]
        following = page_token.write([step, timestamp, producer, sequence, point], query)
    points = [Point(step=row[0], timestamp=row[1], value=row[2], writer=row[3]) for row in rows]
    return PointPage.model_construct(points=points, next_page_token=following)


def steps(
    engine: Engine, run_id: str, key: str, limit: int, token: str | None, branch: int | None = None
) -> StepPage:
    """Return the next `limit` steps of a metric behind `token`, all writers' points of a step summed up.

    `last` is the value at the highest (timestamp, producer_id, sequence, point). Raises NotFound.
    """
    shown = visible(engine, run_id, branch)
    parameters: dict[str, Any] = {"run_id": run_id, "key": key, "limit": limit + 1, **shown.parameters}
    query = _page_of(run_id, key, "steps", branch=branch)
    behind = ""
    if token is not None:
        (parameters["step"],) = place = page_token.read(token, (int,), query)
        _check_bounds([*place, 0, "", 0, 0], token)
        behind = "AND step > {step:Int64}"
    sql = f"""
        SELECT
            step, count(), uniqExact(writer),
            minIfOrNull(value, NOT isNaN(value)), maxIfOrNull(value, NOT isNaN(value)),
            avgIfOrNull(value, NOT isNaN(value)), argMax(value, (timestamp, producer_id, sequence, point))
        FROM metric_points FINAL
        WHERE run_id = {{run_id:String}} AND key = {{key:String}} {behind} AND {shown.condition}
        GROUP BY step ORDER BY step LIMIT {{limit:UInt32}}
    """
    rows = select(engine, sql, parameters)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = page_token.write([rows[-1][0]], query)
    names = ("step", "points", "writers", "min", "max", "mean", "last")
    found = [StepPoint(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[typeddict-item]
    return StepPage.model_construct(steps=found, next_page_token=following)


def _page_of(run_id: str, key: str, *more: str, **only: str | int | None) -> list[str]:
    """Return what a page token is tied to."""
    return [run_id, key, *more, *(f"{name}={value}" for name, value in only.items() if value is not None)]


def _check_bounds(place: list[Any], token: str) -> None:
    step, timestamp, _, sequence, point = place
    signed = all(INT64_MIN <= number <= INT64_MAX for number in (step, timestamp))
    if not (signed and 0 <= sequence < 2**64 and 0 <= point < 2**32):
        raise InvalidInput("page_token", token, "the next_page_token of an earlier page of the same query")
