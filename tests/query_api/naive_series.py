"""What the series of points must be, point by point in Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from trackstream_consumers.projectors.latest import value_order

if TYPE_CHECKING:
    from collections.abc import Sequence


class Cut(NamedTuple):
    """Where the first stretch begins, and how wide each is."""

    first: int
    width: int


def cuts_of_steps(
    spans: Sequence[tuple[int, int]], guesses: Sequence[tuple[int, int]], buckets: int
) -> list[Cut]:
    """Return how the curves of a request are cut that go from step to step.

    `guesses`: from where to where they are cut, unless for one of them that leaves steps out or is half as
    fine. Stretches of at least 64 steps begin at multiples of 64, of 512 at multiples of 512, and so on.
    """
    will_do = all(
        guess[0] <= first and last <= guess[1] and _width(*guess, buckets) < 2 * _width(first, last, buckets)
        for (first, last), guess in zip(spans, guesses, strict=True)
    )
    found = []
    for first, last in guesses if will_do else spans:
        whole = 1
        for level in range(6, 64, 3):
            if 2**level <= _width(first, last, buckets):
                whole = 2**level
        begin = first // whole * whole
        found.append(Cut(begin, -(-_width(begin, last, buckets) // whole) * whole))
    return found


def _width(first: int, last: int, buckets: int) -> int:
    return (last - first) // buckets + 1


def buckets_of(points: Sequence[tuple[int, int, float]], cut: Cut, buckets: int) -> list[dict[str, Any]]:
    """Return the buckets of points (x, other, value), where `other` decides which is the last of one x."""
    by_stretch: dict[int, list[tuple[int, int, float]]] = {}
    for point in points:
        by_stretch.setdefault(min((point[0] - cut.first) // cut.width, buckets - 1), []).append(point)
    found = []
    for _, inside in sorted(by_stretch.items()):
        numbers = [value for _, _, value in inside if not math.isnan(value)]
        found.append(
            {
                "x_first": min(x for x, _, _ in inside),
                "x_last": max(x for x, _, _ in inside),
                "count": len(inside),
                "min": min(numbers, default=None),
                "max": max(numbers, default=None),
                "mean": math.fsum(numbers) / len(numbers) if numbers else None,
                "last": max(inside, key=_order)[2],
            }
        )
    return found


def assert_same_buckets(found: Sequence[Any], expected: list[dict[str, Any]]) -> None:
    """Compare, all but the mean exactly: its last bits depend on the order of the sum."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("x_first", "x_last", "count"):
            assert ours[name] == theirs[name], name
        for name in ("min", "max", "last"):
            exact = None if theirs[name] is None else pytest.approx(theirs[name], rel=0, abs=0, nan_ok=True)
            assert (None if ours[name] is None else float(ours[name])) == exact, name
        if theirs["mean"] is None:
            assert ours["mean"] is None
        else:
            assert float(ours["mean"]) == pytest.approx(theirs["mean"], rel=1e-9, abs=1e-9, nan_ok=True)


def _order(point: tuple[int, int, float]) -> tuple[int, int, int]:
    return point[0], point[1], int(value_order(np.array([point[2]]))[0])
