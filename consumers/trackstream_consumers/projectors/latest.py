"""Which point of each (run, key) is the latest: whole columns at a time, no Python per point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN = np.uint64(1 << 63)


def value_order(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return integers that sort as the values do, shape (n,): -Infinity < ... < Infinity, any NaN lowest."""
    bits = values.view(np.uint64)
    order = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    order[np.isnan(values)] = 0
    return order


def rank(
    steps: NDArray[np.int64], timestamps: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.uint64]:
    """Return (n, 4) words, lowest first, of the 256-bit integer that orders (step, timestamp, value).

    The lowest word is the value's bits, which tells NaNs apart: equal ranks mean equal points.
    """
    words = np.empty((len(steps), 4), dtype="<u8")
    words[:, 0] = values.view(np.uint64)
    words[:, 1] = value_order(values)
    words[:, 2] = timestamps.view(np.uint64) ^ _SIGN
    words[:, 3] = steps.view(np.uint64) ^ _SIGN
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
    columns = (steps.view(np.uint64) ^ _SIGN, timestamps.view(np.uint64) ^ _SIGN, value_order(values))
    for column in (*columns, values.view(np.uint64)):
        highest = np.zeros(group_count, dtype=np.uint64)
        of_left, group_of_left = column[left], groups[left]
        np.maximum.at(highest, group_of_left, of_left)
        left = left[of_left == highest[group_of_left]]
    # What is left of a group now are equal points.
    first = np.unique(groups[left], return_index=True)[1]
    return left[first]
