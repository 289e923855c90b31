"""What is asked of the engine for curves: points, or rows of many points each, by stretches of x.

A stretch is (curve, number) in one integer, and the last value of a stretch the greatest of integers that
order points as they are ordered: groups by strings and maxima of tuples took four fifths of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackstream_api.models.metrics import SeriesRequest

MOST_BUCKETS = 16_384
"""Above what a request may ask for: the numbers of a curve's stretches stay below it."""
_PLACES = {
    "step": "step",
    "timestamp": "timestamp",
    "relative": "(timestamp - transform(run_id, {begun:Array(String)}, {begun_at:Array(Int64)}, toInt64(0)))",
}
_CURVE = """
    toUInt32(transform(run_id, {run_ids:Array(String)}, {run_numbers:Array(UInt32)}, toUInt32(0)))
    + transform(toString(key), {keys:Array(String)}, {key_numbers:Array(UInt32)}, toUInt32(0))
"""
_CHOSEN = "run_id IN {run_ids:Array(String)} AND key IN {keys:Array(String)}"
_OF_THESE = "AND curve IN {curves:Array(UInt32)}"
# Differences are taken modulo 2**64, which is exact even from the least step to the greatest.
_STRETCHES = {
    "even": """intDiv(
        toUInt64(place - transform(curve, {curves:Array(UInt32)}, {firsts:Array(Int64)}, toInt64(0))),
        transform(curve, {curves:Array(UInt32)}, {widths:Array(UInt64)}, toUInt64(1))
    )""",
    # What a log axis cannot show, x below 1, falls into the first stretch.
    "log": """toUInt64(floor(
        log2(
            greatest(place, 1)
            / greatest(transform(curve, {curves:Array(UInt32)}, {firsts:Array(Int64)}, toInt64(1)), 1)
        ) * {buckets:UInt64}
        / greatest(transform(curve, {curves:Array(UInt32)}, {doublings:Array(Float64)}, 1.0), 1e-12)
    ))""",
}
# As `projectors.latest.value_order`: any NaN below -Infinity, below all others.
_NANS = (1 << 52) - 1
_ORDER = f"(if(bits >= {1 << 63}, bitNot(bits), bitOr(bits, {1 << 63})) + {_NANS})"
_GREATEST = f"max(bitShiftLeft(toInt256(place), 128) + bitShiftLeft(toInt256(other), 64) + {_ORDER})"
# The value whose place in that order the lowest word is.
_LAST = f"""
    reinterpretAsFloat64(
        if(
            (toUInt64(toUInt64({_GREATEST}) - {_NANS}) AS lowest) >= {1 << 63},
            bitXor(lowest, {1 << 63}), bitNot(lowest)
        )
    )
"""
# A point is in one row of each level from `rolled` on, and such a row in one of the level above: of those up
# to {level} the highest is read. Rows that the range cuts are not read, but what is in them.
_NOT_ROLLED = "(rolled = 0 OR rolled > {level:UInt8})"
_OUTSIDE = "(step < {whole_from:Int64} OR step > {whole_to:Int64}) AND rolled BETWEEN 1 AND {level:UInt8}"
_WHOLE = "width BETWEEN 1 AND {level:UInt8} AND begin >= {whole_from:Int64} AND place <= {whole_to:Int64}"


def spans_statement(request: SeriesRequest, visible: str) -> str:
    """Return the question for (curve, least x, greatest x) of the points that fulfil `visible`."""
    return f"""
        SELECT curve, min(place), max(place)
        FROM
        (
            SELECT toUInt64({_CURVE}) AS curve, {_PLACES[request.x]} AS place FROM metric_points
            WHERE {_CHOSEN} AND place BETWEEN {{start:Int64}} AND {{end:Int64}} AND {visible}
        )
        GROUP BY curve
    """


def series_statement(request: SeriesRequest, visible: str, *, some: bool) -> str:
    """Return the question for the buckets of curves, read from the points that fulfil `visible`.

    `some`: curves of these runs that are not in {curves} are left out.
    """
    return _stretches(request, [_points(request, visible, some=some)])


def rolled_statement(request: SeriesRequest, *, some: bool) -> str:
    """Return the same for steps and where all points are visible, read from rows of up to {level}."""
    rows = [_rollups(request, some=some), _points(request, _NOT_ROLLED, some=some)]
    if request.start is not None or request.end is not None:
        rows.append(_points(request, _OUTSIDE, some=some))
    return _stretches(request, rows)


def _stretches(request: SeriesRequest, rows: list[str]) -> str:
    return f"""
        SELECT
            curve * {MOST_BUCKETS} + least({_STRETCHES[request.spacing]}, {{buckets:UInt64}} - 1) AS stretch,
            who,
            min(begin), max(place), sum(points),
            minIfOrNull(low, numbers > 0), maxIfOrNull(high, numbers > 0),
            sumIfOrNull(total, numbers > 0) / sum(numbers),
            {_LAST}
        FROM ({" UNION ALL ".join(rows)})
        GROUP BY stretch, who
        ORDER BY stretch, who
    """


def _points(request: SeriesRequest, condition: str, *, some: bool) -> str:
    return f"""
        SELECT
            toUInt64({_CURVE}) AS curve, {_writer(request)} AS who,
            {_PLACES[request.x]} AS place, place AS begin,
            {"timestamp" if request.x == "step" else "step"} AS other,
            toUInt32(1) AS points, toUInt32(NOT isNaN(value)) AS numbers,
            value AS low, value AS high, value AS total, reinterpretAsUInt64(value) AS bits
        FROM metric_points FINAL
        WHERE {_CHOSEN} AND place BETWEEN {{start:Int64}} AND {{end:Int64}} AND {condition}
            {_OF_THESE if some else ""}
    """


def _rollups(request: SeriesRequest, *, some: bool) -> str:
    return f"""
        SELECT
            toUInt64({_CURVE}) AS curve, {_writer(request)} AS who,
            last_step AS place, first_step AS begin, last_timestamp AS other,
            points, numbers, low, high, total, reinterpretAsUInt64(last_value) AS bits
        FROM metric_rollups FINAL
        WHERE {_CHOSEN} AND {_WHOLE} AND {_NOT_ROLLED} {_OF_THESE if some else ""}
    """


def _writer(request: SeriesRequest) -> str:
    return "toString(writer)" if request.writers == "each" else "''"
