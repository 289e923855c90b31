"""Metric points: summed up, page by page, and downsampled."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from trackstream_api.models.metrics import (
    Bucket,
    MetricSummaries,
    MetricSummary,
    Point,
    PointPage,
    Series,
    SeriesReply,
    SeriesRequest,
    StepPage,
    StepPoint,
)
from trackstream_api.models.runs import LatestMetric
from trackstream_api.queries import page_token
from trackstream_api.queries.branches import newest, visible
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


# A stretch is `width` wide, so that stretches × width covers the whole range; differences are taken
# modulo 2**64, which is exact even from the least step to the greatest. One stretch from there to there
# would be 2**64 wide, which wraps to 0: any width does for one stretch, as its number is bounded.
_SERIES = """
    WITH spans AS
    (
        SELECT
            run_id, key, {writer} AS who, min({x}) AS first_x, max({x}) AS last_x,
            greatest(intDiv(toUInt64(last_x - first_x), {{buckets:UInt64}}) + 1, 1) AS width
        FROM metric_points
        WHERE run_id IN {{run_ids:Array(String)}} AND key IN {{keys:Array(String)}}
            AND {x} BETWEEN {{start:Int64}} AND {{end:Int64}} AND {visible}
        GROUP BY run_id, key, who
    )
    SELECT
        p.run_id AS run, p.key AS metric, p.who AS curve,
        least({stretch}, {{buckets:UInt64}} - 1) AS stretch,
        min(p.place), max(p.place), count(),
        minIfOrNull(p.value, NOT isNaN(p.value)),
        maxIfOrNull(p.value, NOT isNaN(p.value)),
        avgIfOrNull(p.value, NOT isNaN(p.value)),
        argMax(p.value, (p.place, p.{other}, p.producer_id, p.sequence, p.point))
    FROM
    (
        SELECT *, {writer} AS who, {x} AS place FROM metric_points FINAL
        WHERE run_id IN {{run_ids:Array(String)}} AND key IN {{keys:Array(String)}}
            AND {x} BETWEEN {{start:Int64}} AND {{end:Int64}} AND {visible}
    ) AS p
    INNER JOIN spans AS s ON s.run_id = p.run_id AND s.key = p.key AND s.who = p.who
    GROUP BY run, metric, curve, stretch
    ORDER BY run, metric, curve, stretch
"""
_PLACES = {
    "step": "step",
    "timestamp": "timestamp",
    "relative": "(timestamp - transform(run_id, {begun:Array(String)}, {begun_at:Array(Int64)}, toInt64(0)))",
}
_STRETCHES = {
    "even": "intDiv(toUInt64(p.place - s.first_x), s.width)",
    # What a log axis cannot show, x below 1, falls into the first stretch.
    "log": """toUInt64(floor(
        log2(greatest(p.place, 1) / greatest(s.first_x, 1)) * {buckets:UInt64}
        / greatest(log2(greatest(s.last_x, 1) / greatest(s.first_x, 1)), 1e-12)
    ))""",
}
_BEGUN = (
    "SELECT run_id, start_time FROM runs FINAL WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED'"
)


def series(engine: Engine, request: SeriesRequest) -> SeriesReply:
    """Return at most `request.buckets` buckets for each curve; min, max and mean leave NaN out.

    Raises InvalidInput where a branch is named for several runs, NotFound where the run has no such branch.
    """
    start = INT64_MIN if request.start is None else _int64("start", request.start)
    end = INT64_MAX if request.end is None else _int64("end", request.end)
    each = request.writers == "each"
    parameters: dict[str, Any] = {
        "run_ids": request.run_ids,
        "keys": request.keys,
        "buckets": request.buckets,
        "start": start,
        "end": end,
    }
    if request.branch is None:
        shown = newest(engine, request.run_ids)
    elif len(request.run_ids) > 1:
        raise InvalidInput("branch", request.branch, "null where there are several run_ids")
    else:
        shown = visible(engine, request.run_ids[0], request.branch)
    parameters |= shown.parameters
    if request.x == "relative":
        begun = dict(select(engine, _BEGUN, {"ids": request.run_ids}))  # type: ignore[arg-type]
        parameters |= {"run_ids": list(begun), "begun": list(begun), "begun_at": list(begun.values())}
        if not begun:
            return SeriesReply.model_construct(series=[])
    sql = _SERIES.format(
        x=_PLACES[request.x],
        stretch=_STRETCHES[request.spacing],
        other="timestamp" if request.x == "step" else "step",
        writer="toString(writer)" if each else "''",
        visible=shown.condition,
    )
    found = [
        Series.model_construct(
            run_id=run_id, key=key, writer=who if each else None, buckets=[_bucket(row) for row in members]
        )
        for (run_id, key, who), members in groupby(
            select(engine, sql, parameters), key=lambda row: (row[0], row[1], row[2])
        )
    ]
    return SeriesReply.model_construct(series=found)


def _bucket(row: Sequence[Any]) -> Bucket:
    return Bucket(
        x_first=row[4],
        x_last=row[5],
        count=row[6],
        min=row[7],
        max=row[8],
        mean=row[9],
        last=row[10],
    )


def _int64(field: str, value: int) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidInput(field, value, "an integer of 64 bits")
    return value
