"""Curves, cut into stretches of x: one statement goes over all their points once.

Where x is the step and there are very many of them, it goes over rows of many points each instead, which
the projector has made (`trackstream_consumers.rollups`). A stretch then begins at a multiple of their width
and is a multiple of it wide, so that each row is in one stretch and the answer is that of the points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_api.models.metrics import Bucket, Series, SeriesReply
from trackstream_api.queries.branches import newest, visible
from trackstream_api.queries.execution import select
from trackstream_api.queries.series_statement import (
    MOST_BUCKETS,
    rolled_statement,
    series_statement,
    spans_statement,
)
from trackstream_consumers.rollups import level_of
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.validate import INT64_MAX, INT64_MIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.models.metrics import SeriesRequest
    from trackstream_api.queries.branches import Visible
    from trackstream_consumers.engine import Engine

_LATEST = """
    SELECT run_id, key, step FROM latest_metrics FINAL
    WHERE run_id IN {run_ids:Array(String)} AND key IN {keys:Array(String)}
"""
_BEGUN = (
    "SELECT run_id, start_time FROM runs FINAL WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED'"
)


_OF_BEFORE = """
    SELECT DISTINCT run_id FROM metric_rollups
    WHERE run_id IN {run_ids:Array(String)} AND key = '' AND width = 0
"""


class _Span(NamedTuple):
    """From where to where a curve is cut."""

    first: int
    last: int

    def width(self, buckets: int) -> int:
        """Return how wide its stretches are: so many times it covers the whole."""
        # One stretch from the least integer to the greatest would be 2**64 wide: any width does for one.
        return max(1, min((self.last - self.first) // buckets + 1, (1 << 64) - 1))


class _Cut(NamedTuple):
    """How a curve is cut."""

    level: int
    """Its stretches begin and end at multiples of 2**level; 0: anywhere."""
    first: int
    width: int
    doublings: float


@dataclass(frozen=True)
class _Question:
    """What is asked of the engine."""

    engine: Engine
    request: SeriesRequest
    shown: Visible
    parameters: Mapping[str, Any]


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
        begun: dict[str, int] = {row[0]: row[1] for row in select(engine, _BEGUN, {"ids": run_ids})}
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
    question = _Question(engine, request, shown, parameters)
    guessed = _guess(engine, request, parameters)
    if guessed is None:
        spans = select(engine, spans_statement(request, shown.condition), parameters)
        rows = _stretches(question, {curve: _Span(first, last) for curve, first, last in spans})
    else:
        rows = _stretches(question, guessed)
        found = _found(rows)
        if any(_is_poor(guessed.get(curve), span, request.buckets) for curve, span in found.items()):
            rows = _stretches(question, found)
    curves = [(run_id, key) for run_id in run_ids for key in keys]
    made = [
        Series.model_construct(
            run_id=curves[curve][0],
            key=curves[curve][1],
            writer=who if request.writers == "each" else None,
            buckets=[_bucket(row) for row in members],
        )
        for (curve, who), members in groupby(
            sorted(rows, key=lambda row: (row[0] // MOST_BUCKETS, row[1])),
            key=lambda row: (row[0] // MOST_BUCKETS, row[1]),
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
        curve, span = row[0] // MOST_BUCKETS, _Span(row[2], row[3])
        known = spans.get(curve, span)
        spans[curve] = _Span(min(known.first, span.first), max(known.last, span.last))
    return spans


def _is_poor(guessed: _Span | None, found: _Span, buckets: int) -> bool:
    """Return whether the guess has put points out of place, or cut much more coarsely than it could."""
    if guessed is None or found.first < guessed.first or found.last > guessed.last:
        return True
    return guessed.width(buckets) >= 2 * found.width(buckets)


def _cut(request: SeriesRequest, span: _Span) -> _Cut:
    """Return how a curve is cut into at most as many stretches as are asked for, and at least about half."""
    width, level = span.width(request.buckets), 0
    doublings = math.log2(max(span.last, 1) / max(span.first, 1))
    if request.x == "step" and request.spacing == "even":
        level = level_of(width)
    first = span.first >> level << level
    width = _Span(first, span.last).width(request.buckets)
    return _Cut(level, first, min(-(-width >> level) << level, (1 << 64) - 1), doublings)


def _stretches(question: _Question, spans: Mapping[int, _Span]) -> list[Sequence[Any]]:
    """Return the stretches of these curves. Those that are read at one level are asked for together."""
    cuts = {curve: _cut(question.request, span) for curve, span in spans.items()}
    by_level: dict[int, list[int]] = {}
    by_points = _read_by_points(question) if any(cut.level for cut in cuts.values()) else frozenset()
    keys = len(question.parameters["keys"])
    for curve, cut in cuts.items():
        run_id = question.parameters["run_ids"][curve // keys]
        by_level.setdefault(0 if run_id in by_points else cut.level, []).append(curve)
    rows: list[Sequence[Any]] = []
    for level, curves in by_level.items():
        together = {curve: cuts[curve] for curve in curves}
        rows += _at_level(question, level, together, some=len(by_level) > 1)
    return rows


def _read_by_points(question: _Question) -> frozenset[str]:
    """Return of which runs rows of many points would show too much: those rewound, and those of long ago."""
    if question.request.branch is not None:
        return frozenset(question.parameters["run_ids"])
    of_before = select(question.engine, _OF_BEFORE, question.parameters)
    return frozenset(question.shown.parameters.get("rewound", ())).union(row[0] for row in of_before)


def _at_level(
    question: _Question, level: int, cuts: Mapping[int, _Cut], *, some: bool
) -> list[Sequence[Any]]:
    parameters, request = question.parameters, question.request
    asked = {
        **parameters,
        "curves": list(cuts),
        "firsts": [cut.first for cut in cuts.values()],
        "widths": [cut.width for cut in cuts.values()],
        "doublings": [cut.doublings for cut in cuts.values()],
    }
    if not level:
        return select(question.engine, series_statement(request, question.shown.condition, some=some), asked)
    # The multiples of 2**level between which no row of it is cut.
    begin, end = -(-parameters["start"] >> level) << level, (parameters["end"] + 1) >> level << level
    whole = (begin, end - 1) if begin < end else (INT64_MAX, INT64_MIN)
    asked |= {"level": level, "whole_from": whole[0], "whole_to": whole[1]}
    return select(question.engine, rolled_statement(request, some=some), asked)


def _bucket(row: Sequence[Any]) -> Bucket:
    return Bucket(
        x_first=row[2],
        x_last=row[3],
        count=row[4],
        min=row[5],
        max=row[6],
        mean=row[7],
        last=row[8],
    )


def _int64(field: str, value: int) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidInput(field, value, "an integer of 64 bits")
    return value
