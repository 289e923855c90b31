"""Which point of each (run, key) is the latest: whole columns at a time, no Python per point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN = np.uint64(1 << 63)
_POSITIVE_NANS = np.uint64((1 << 52) - 1)
_FIRST_BRANCH = np.uint64(2**64 - 2**32)
"""High enough to be above every rank of the layout that began with the step (migration 0009)."""


def value_order(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return integers that sort as the values do, shape (n,): any NaN < -Infinity < ... < Infinity.

    Equal integers mean equal bits.
    """
    bits = values.view(np.uint64)
    # Sorted so far, but with the NaNs of positive sign on top: turn the circle until they are at the bottom.
    order: NDArray[np.uint64] = np.where(bits & _SIGN, ~bits, bits | _SIGN) + _POSITIVE_NANS
    return order


def rank(
    branches: NDArray[np.int64],
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
    exists: bool = True,
) -> NDArray[np.uint64]:
    """Return (n, 4) words, lowest first, of the 256-bit integer that orders (branch, step, timestamp, value).

    Equal ranks mean equal points. Without `exists` it is below all points of that branch.
    """
    words = np.empty((len(steps), 4), dtype="<u8")
    words[:, 0] = value_order(values)
    words[:, 1] = timestamps.view(np.uint64) ^ _SIGN
    words[:, 2] = steps.view(np.uint64) ^ _SIGN
    words[:, 3] = _FIRST_BRANCH + 2 * branches.astype(np.uint64) + np.uint64(exists)
    return words


def latest_points(
    groups: NDArray[np.int64],
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the index of the highest-ranked point of each group, in order of the groups' numbers.

    `groups` numbers the group of each point from 0, shape (n,).
    """
    if len(groups) == 0:
        return np.empty(0, dtype=np.int64)
    if groups.max() > 4 * len(groups):
        groups = np.unique(groups, return_inverse=True)[1]
    group_count = int(groups.max()) + 1
    left = np.arange(len(groups))
    for column in (steps.view(np.uint64) ^ _SIGN, timestamps.view(np.uint64) ^ _SIGN, value_order(values)):
        highest = np.zeros(group_count, dtype=np.uint64)
        of_left, group_of_left = column[left], groups[left]
        np.maximum.at(highest, group_of_left, of_left)
        left = left[of_left == highest[group_of_left]]
    # What is left of a group now are equal points.
    first = np.unique(groups[left], return_index=True)[1]
    return left[first]
