"""A curve as one line of text."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_NO_VALUE = "·"


def sparkline(values: Sequence[float | None]) -> str:
    """Return one character for each value: the higher, the fuller. `·` stands for what is no number.

    A curve without ups and downs is drawn at half height; infinities are drawn at the edges.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    least, greatest = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_level(value, least, greatest) for value in values)


def shrunk(values: Sequence[float | None], most: int) -> list[float | None]:
    """Return at most `most` values for these, each the mean of the numbers that it stands for."""
    if len(values) <= most:
        return list(values)
    edges = [number * len(values) // most for number in range(most + 1)]
    return [_mean(values[start:end]) for start, end in pairwise(edges)]


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None and not math.isnan(value)]
    # Divided first: the sum of large numbers may be none.
    return sum(value / len(numbers) for value in numbers) if numbers else None


def _level(value: float | None, least: float, greatest: float) -> str:
    if value is None or math.isnan(value):
        return _NO_VALUE
    if math.isinf(value):
        return _LEVELS[-1 if value > 0 else 0]
    if least == greatest:
        return _LEVELS[len(_LEVELS) // 2]
    # Halved first: the difference of two large numbers may be none.
    share = (value / 2 - least / 2) / (greatest / 2 - least / 2)
    if math.isnan(share):
        return _LEVELS[len(_LEVELS) // 2]
    return _LEVELS[min(len(_LEVELS) - 1, int(share * len(_LEVELS)))]
