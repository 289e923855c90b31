"""Curves, cut into stretches of x: one statement goes over all their points once.

A stretch is (curve, number) in one integer, and the last value of a stretch the greatest of integers that
order points as they are ordered: groups by strings and maxima of tuples took four fifths of the time.
"""

from __future__ import annotations

import math
import struct
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.models.metrics import Bucket, Series, SeriesReply
from trackstream_api.queries.branches import newest, visible
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.validate import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.models.metrics import SeriesRequest
    from trackstream_api.queries.branches import Visible
    from trackstream_consumers.engine import Engine

_MOST_BUCKETS = 16_384
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
_CHOSEN = """
    run_id IN {{run_ids:Array(String)}} AND key IN {{keys:Array(String)}}
    AND {place} BETWEEN {{start:Int64}} AND {{end:Int64}} AND {visible}
"""
_SPANS = """
    SELECT curve, min(place), max(place)
    FROM (SELECT {curve} AS curve, {place} AS place FROM metric_points WHERE {chosen})
    GROUP BY curve
"""
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
_SERIES = """
    SELECT
        curve * {most} + least({stretch}, {{buckets:UInt64}} - 1) AS stretch, who,
        min(place), max(place), count(),
        minIfOrNull(value, NOT isNaN(value)),
        maxIfOrNull(value, NOT isNaN(value)),
        avgIfOrNull(value, NOT isNaN(value)),
        max(bitShiftLeft(toInt256(place), 128) + bitShiftLeft(toInt256(other), 64) + {order})
    FROM
    (
        SELECT
            toUInt64({curve}) AS curve, {writer} AS who, {place} AS place, {other} AS other, value,
            reinterpretAsUInt64(value) AS bits
        FROM metric_points FINAL WHERE {chosen}
    )
    GROUP BY stretch, who
    ORDER BY stretch, who
"""
# As `projectors.latest.value_order`: any NaN below -Infinity, below all others.
_NANS = (1 << 52) - 1
_ORDER = f"(if(bits >= {1 << 63}, bitNot(bits), bitOr(bits, {1 << 63})) + {_NANS})"
_LATEST = """
    SELECT run_id, key, step FROM latest_metrics FINAL
    WHERE run_id IN {run_ids:Array(String)} AND key IN {keys:Array(String)}
"""
_BEGUN = (
    "SELECT run_id, start_time FROM runs FINAL WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED'"
)


class _Span(NamedTuple):
    """From where to where a curve is cut."""

    first: int
    last: int

    def width(self, buckets: int) -> int:
        """Return how wide its stretches are: so many times it covers the whole."""
        # One stretch from the least integer to the greatest would be 2**64 wide: any width does for one.
        return max(1, min((self.last - self.first) // buckets + 1, (1 << 64) - 1))


def series(engine: Engine, request: SeriesRequest) -> SeriesReply:
    """Return at most `request.buckets` buckets for each curve; min, max and mean leave NaN out.

    `last` is the value at the highest x, among these at the highest timestamp (step, where x is a time),
    among equals the greatest, NaN lowest. Raises InvalidInput where a branch is named for several runs,
    NotFound where the run has no such branch.
    """
    run_ids = list(dict.fromkeys(request.run_ids))
    keys = list(dict.fromkeys(request.keys))
    shown = _shown(engine, request)
    parameters: dict[str, Any] = {
        "buckets": request.buckets,
        "start": INT64_MIN if request.start is None else _int64("start", request.start),
        "end": INT64_MAX if request.end is None else _int64("end", request.end),
        **shown.parameters,
    }
    if request.x == "relative":
        begun = dict(select(engine, _BEGUN, {"ids": run_ids}))  # type: ignore[arg-type]
        if not begun:
            return SeriesReply.model_construct(series=[])
        run_ids = list(begun)
        parameters |= {"begun": list(begun), "begun_at": list(begun.values())}
    parameters |= {
        "run_ids": run_ids,
        "keys": keys,
        "run_numbers": [number * len(keys) for number in range(len(run_ids))],
        "key_numbers": list(range(len(keys))),
    }
    place = _PLACES[request.x]
    chosen = _CHOSEN.format(place=place, visible=shown.condition)
    statement = _SERIES.format(
        most=_MOST_BUCKETS,
        stretch=_STRETCHES[request.spacing],
        order=_ORDER,
        curve=_CURVE,
        writer="toString(writer)" if request.writers == "each" else "''",
        place=place,
        other="timestamp" if request.x == "step" else "step",
        chosen=chosen,
    )
    guessed = _guess(engine, request, parameters)
    if guessed is None:
        spans = {
            curve: _Span(first, last)
            for curve, first, last in select(
                engine, _SPANS.format(curve=_CURVE, place=place, chosen=chosen), parameters
            )
        }
        rows = _stretches(engine, statement, parameters, spans)
    else:
        rows = _stretches(engine, statement, parameters, guessed)
        found = _found(rows)
        if any(_is_poor(guessed.get(curve), span, request.buckets) for curve, span in found.items()):
            rows = _stretches(engine, statement, parameters, found)
    curves = [(run_id, key) for run_id in run_ids for key in keys]
    made = [
        Series.model_construct(
            run_id=curves[curve][0],
            key=curves[curve][1],
            writer=who if request.writers == "each" else None,
            buckets=[_bucket(row) for row in members],
        )
        for (curve, who), members in groupby(
            sorted(rows, key=lambda row: (row[0] // _MOST_BUCKETS, row[1])),
            key=lambda row: (row[0] // _MOST_BUCKETS, row[1]),
        )
    ]
    made.sort(key=lambda one: (one.run_id, one.key, one.writer or ""))
    return SeriesReply.model_construct(series=made)


def _shown(engine: Engine, request: SeriesRequest) -> Visible:
    if request.branch is None:
        return newest(engine, request.run_ids)
    if len(request.run_ids) > 1:
        raise InvalidInput("branch", request.branch, "null where there are several run_ids")
    return visible(engine, request.run_ids[0], request.branch)


def _guess(engine: Engine, request: SeriesRequest, parameters: Mapping[str, Any]) -> dict[int, _Span] | None:
    """Return from where to where the curves go, as far as their latest values tell; None where they do not.

    Most curves begin at step 0. To look where they do is to go over all their points one more time.
    """
    if request.x != "step" or request.spacing != "even" or request.branch is not None:
        return None
    first = 0 if request.start is None else parameters["start"]
    numbers = dict(zip(parameters["run_ids"], parameters["run_numbers"], strict=True))
    of_key = dict(zip(parameters["keys"], parameters["key_numbers"], strict=True))
    return {
        numbers[run_id] + of_key[key]: _Span(first, max(first, min(step, parameters["end"])))
        for run_id, key, step in select(engine, _LATEST, parameters)
    }


def _found(rows: Sequence[Sequence[Any]]) -> dict[int, _Span]:
    """Return from where to where curves went."""
    spans: dict[int, _Span] = {}
    for row in rows:
        curve, span = row[0] // _MOST_BUCKETS, _Span(row[2], row[3])
        known = spans.get(curve, span)
        spans[curve] = _Span(min(known.first, span.first), max(known.last, span.last))
    return spans


def _is_poor(guessed: _Span | None, found: _Span, buckets: int) -> bool:
    """Return whether the guess has put points out of place, or cut much more coarsely than it could."""
    if guessed is None or found.first < guessed.first or found.last > guessed.last:
        return True
    return guessed.width(buckets) >= 2 * found.width(buckets)


def _stretches(
    engine: Engine, statement: str, parameters: Mapping[str, Any], spans: Mapping[int, _Span]
) -> list[Sequence[Any]]:
    buckets = parameters["buckets"]
    cut = {
        "curves": list(spans),
        "firsts": [span.first for span in spans.values()],
        "widths": [span.width(buckets) for span in spans.values()],
        "doublings": [math.log2(max(span.last, 1) / max(span.first, 1)) for span in spans.values()],
    }
    return select(engine, statement, {**parameters, **cut}) if spans else []


def _bucket(row: Sequence[Any]) -> Bucket:
    return Bucket(
        x_first=row[2],
        x_last=row[3],
        count=row[4],
        min=row[5],
        max=row[6],
        mean=row[7],
        last=_value(row[8] & (2**64 - 1)),
    )


def _value(order: int) -> float:
    """Return the value whose place in the order of values this is."""
    bits = (order - _NANS) % 2**64
    bits = bits ^ (1 << 63) if bits >> 63 else bits ^ (2**64 - 1)
    value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    return value


def _int64(field: str, value: int) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidInput(field, value, "an integer of 64 bits")
    return value
