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


def cut_of_steps(first: int, last: int, buckets: int, guess: tuple[int, int] | None) -> Cut:
    """Return how steps from `first` to `last` are cut.

    `guess`: from where to where they are cut, unless that leaves some out or is half as fine. Stretches of at
    least 64 steps begin at multiples of 64, of 512 at multiples of 512, and so on by eights.
    """
    if guess is not None:
        finest = (last - first) // buckets + 1
        if guess[0] <= first and last <= guess[1] and (guess[1] - guess[0]) // buckets + 1 < 2 * finest:
            first, last = guess
    width, whole = (last - first) // buckets + 1, 1
    for level in range(6, 64, 3):
        if 2**level <= width:
            whole = 2**level
    first = first // whole * whole
    return Cut(first, -(-((last - first) // buckets + 1) // whole) * whole)


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
