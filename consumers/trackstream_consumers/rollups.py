"""Stretches of points, each as one row: what a chart reads instead of the points.

What is rolled up follows from one event alone, so an event that comes again makes the same rows again. The
steps are cut at multiples of 2**level. The points of a metric that one event carries are rolled up at the
first level at which a row holds `_LEAST_POINTS` of them on average, and these rows at the levels above, as
long as that makes them fewer. All of them are, or none: whoever reads a level need not look for the rest.

Whole columns at a time, no Python per point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trackstream_consumers.projectors.latest import value_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = tuple(range(6, 64, 3))
"""Rows of level n are of points between two neighbouring multiples of 2**n steps."""
_FIRST, _LAST, _APART = LEVELS[0], LEVELS[-1], LEVELS[1] - LEVELS[0]
_LEAST_POINTS = 40
"""Points of a row of the lowest level, on average: a row takes about as much disk as ten points."""
_LEAST_ROWS = 4
"""Rows of a metric and event that are worth a further level."""
_SIGN = np.uint64(1 << 63)


class Stretches(NamedTuple):
    """Stretches of points; all columns have shape (n,)."""

    group: NDArray[np.int64]
    """Number of the metric and event whose points they are."""
    point: NDArray[np.int64]
    """Index of one of its points, by which it is known within its group and level."""
    level: NDArray[np.int64]
    first_step: NDArray[np.int64]
    last_step: NDArray[np.int64]
    last_timestamp: NDArray[np.int64]
    last_value: NDArray[np.float64]
    """Value at the highest (step, timestamp), among equals the greatest, NaN lowest."""
    points: NDArray[np.int64]
    numbers: NDArray[np.int64]
    """Points that are not NaN."""
    low: NDArray[np.float64]
    """The least of them; 0 where there is none."""
    high: NDArray[np.float64]
    total: NDArray[np.float64]
    rolled: NDArray[np.uint8]
    """The level above at which these points are rolled up as well; 0: none."""

    def chosen(self, indexes: NDArray[np.int64] | slice) -> Stretches:
        """Return those at these indexes."""
        return Stretches._make(column[indexes] for column in self)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of `metric_rollups` that do not tell where the points come from."""
        return {
            "width": self.level.astype(np.uint8),
            "first_step": self.first_step,
            "last_step": self.last_step,
            "last_timestamp": self.last_timestamp,
            "last_value": self.last_value,
            "points": self.points.astype(np.uint32),
            "numbers": self.numbers.astype(np.uint32),
            "low": self.low,
            "high": self.high,
            "total": self.total,
            "rolled": self.rolled,
        }


def level_of(width: int) -> int:
    """Return the highest level of which whole cells fit into so many steps; 0 where none does."""
    return max((level for level in LEVELS if 1 << level <= width), default=0)


def roll_up(
    groups: NDArray[np.int64],
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], Stretches]:
    """Return for each point the level at which it is rolled up (0: it is not), and the rows of all levels.

    `groups` numbers the metric and event of each point from 0, shape (n,).
    """
    rolled = np.zeros(len(values), dtype=np.uint8)
    points = _sorted_points(groups)
    at, shown = steps[points], values[points]
    is_number = ~np.isnan(shown)
    items = Stretches(
        groups[points],
        points,
        np.zeros(len(points), dtype=np.int64),
        at,
        at,
        timestamps[points],
        shown,
        np.ones(len(points), dtype=np.int64),
        is_number.astype(np.int64),
        shown,
        shown,
        shown,
        np.zeros(len(points), dtype=np.uint8),
    )
    rows, rolled[points] = _combined(items, _lowest_levels(items), _LEAST_POINTS // 2)
    found = []
    while len(rows.group):
        above, rolled_rows = _combined(rows, _next_levels(rows), 2)
        found.append(rows._replace(rolled=rolled_rows))
        rows = above
    return rolled, Stretches(*map(np.concatenate, zip(*found, strict=True))) if found else rows


def _sorted_points(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indexes of the points of groups that are large enough, by group, in their order."""
    if not len(groups):
        return np.empty(0, dtype=np.int64)
    sizes = np.bincount(groups)
    is_large = sizes >= _LEAST_POINTS
    if not is_large.any():
        return np.empty(0, dtype=np.int64)
    left = np.arange(len(groups)) if is_large[sizes > 0].all() else np.flatnonzero(is_large[groups])
    chosen = groups[left]
    if (chosen[1:] >= chosen[:-1]).all():
        return left
    # Sixteen bits are sorted in linear time.
    narrow = chosen.astype(np.uint16) if len(sizes) <= 1 << 16 else chosen
    order: NDArray[np.int64] = left[np.argsort(narrow, kind="stable")]
    return order


def _lowest_levels(points: Stretches) -> NDArray[np.int64]:
    """Return for each point the level at which its group is first rolled up; 0: at none."""
    starts = _starts(points.group)
    if not len(starts):
        return starts
    sizes = np.diff(starts, append=len(points.group))
    low = np.minimum.reduceat(points.first_step, starts).view(np.uint64)
    span = np.maximum.reduceat(points.first_step, starts).view(np.uint64) - low
    cells = span // (((sizes - 1) // _LEAST_POINTS).astype(np.uint64) + np.uint64(1))
    bits = np.frexp(cells.astype(np.float64))[1].astype(np.int64)
    level = _FIRST + _APART * np.maximum(-(-(bits - _FIRST) // _APART), 0)
    return np.repeat(np.where(level > _LAST, 0, level), sizes)


def _next_levels(rows: Stretches) -> NDArray[np.int64]:
    """Return for each row the next level above; 0 where its group is not worth it."""
    sizes = np.bincount(rows.group)[rows.group]
    return np.where((sizes >= _LEAST_ROWS) & (rows.level < _LAST), rows.level + _APART, 0)


def _combined(items: Stretches, level: NDArray[np.int64], fewer: int) -> tuple[Stretches, NDArray[np.uint8]]:
    """Return rows of neighbours in one cell of their `level`, and for each item at which level it is in one.

    Groups of level 0 are left out, and those that do not become `fewer` times as few by it.
    """
    of_item = level.astype(np.uint8)
    starts = _starts(items.group, items.first_step >> level)
    if len(starts):
        before, after = np.bincount(items.group), np.bincount(items.group[starts])
        is_left_out = (after > 1) & (after * fewer > before)
        is_left_out[items.group[level == 0]] = True
        if is_left_out.any():
            kept = np.flatnonzero(~is_left_out[items.group])
            of_item[is_left_out[items.group]] = 0
            items = items.chosen(kept)
            level = level[kept]
            starts = _starts(items.group, items.first_step >> level)
    return _rows(items, level, starts), of_item


def _rows(items: Stretches, level: NDArray[np.int64], starts: NDArray[np.int64]) -> Stretches:
    """Return one row for the items from each of `starts` up to the next."""
    if not len(starts):
        return items.chosen(slice(0))
    last = _last(items, starts)
    numbers = np.add.reduceat(items.numbers, starts)
    has_number = items.numbers > 0
    low, high, total = items.low, items.high, items.total
    if not has_number.all():
        low, high = np.where(has_number, low, np.inf), np.where(has_number, high, -np.inf)
        total = np.where(has_number, total, 0.0)
    # Infinities of both signs have no sum; what is not a number is always the same one, and 0 never -0: the
    # engine compares rows by their bits.
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(total, starts) + 0.0
    return Stretches(
        items.group[starts],
        items.point[starts],
        level[starts],
        np.minimum.reduceat(items.first_step, starts),
        items.last_step[last],
        items.last_timestamp[last],
        items.last_value[last],
        np.add.reduceat(items.points, starts),
        numbers,
        np.where(numbers > 0, np.minimum.reduceat(low, starts), 0.0) + 0.0,
        np.where(numbers > 0, np.maximum.reduceat(high, starts), 0.0) + 0.0,
        np.where(np.isnan(sums), np.nan, sums),
        np.zeros(len(starts), dtype=np.uint8),
    )


def _last(items: Stretches, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of the item with the highest last point from each of `starts` up to the next."""
    highest = np.repeat(
        np.maximum.reduceat(items.last_step, starts), np.diff(starts, append=len(items.group))
    )
    left = np.flatnonzero(items.last_step == highest)
    orders = (
        lambda chosen: items.last_timestamp[chosen].view(np.uint64) ^ _SIGN,
        lambda chosen: value_order(items.last_value[chosen]),
    )
    for order_of in orders:
        first = np.searchsorted(left, starts)
        if len(left) == len(starts):
            return left
        order = order_of(left)
        highest = np.repeat(np.maximum.reduceat(order, first), np.diff(first, append=len(left)))
        left = left[order == highest]
    # What is left of each are equal points.
    chosen: NDArray[np.int64] = left[np.searchsorted(left, starts)]
    return chosen


def _starts(*columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indexes at which one of the columns is another than before."""
    is_other = np.zeros(len(columns[0]), dtype=bool)
    is_other[:1] = True
    for column in columns:
        is_other[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(is_other)
