"""The latest point of each metric, against the plain definition."""

from __future__ import annotations

import math
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackstream_consumers.projectors.latest import latest_points, rank, value_order

INT64 = st.integers(-(2**63), 2**63 - 1)
FEW = st.integers(-1, 1)
VALUES = st.floats() | st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1.0])
POINTS = st.lists(st.tuples(st.integers(0, 3), FEW | INT64, FEW | INT64, VALUES), max_size=30)


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def order(point: tuple[int, int, int, float]) -> tuple[int, int, bool, float, bool, int]:
    """(step, timestamp), then the value with NaN lowest and -0.0 below 0.0.

    NaNs among themselves: those of positive sign by their bits, then the others the other way round.
    """
    _, step, timestamp, value = point
    nan = math.isnan(value)
    positive = (math.copysign(1, value) > 0) != nan
    place = bits(value) if math.copysign(1, value) > 0 else -bits(value)
    return step, timestamp, not nan, 0.0 if nan else value, positive, place if nan else 0


def columns(points: list[tuple[int, int, int, float]]) -> tuple[np.ndarray, ...]:
    groups, steps, timestamps, values = zip(*points, strict=True) if points else ((), (), (), ())
    return (
        np.array(groups, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.array(timestamps, dtype=np.int64),
        np.array(values, dtype=np.float64),
    )


@given(POINTS)
def test_it_is_the_highest_of_its_group(points: list[tuple[int, int, int, float]]) -> None:
    chosen = latest_points(*columns(points))
    found = {points[index][0]: points[index] for index in chosen}
    wanted = {group: max((p for p in points if p[0] == group), key=order) for group, *_ in points}
    assert len(chosen) == len(wanted)
    assert {group: order(point) for group, point in found.items()} == {
        group: order(point) for group, point in wanted.items()
    }


@given(POINTS)
def test_far_apart_group_numbers_change_nothing(points: list[tuple[int, int, int, float]]) -> None:
    groups, *rest = columns(points)
    assert latest_points(groups * 10**12, *rest).tolist() == latest_points(groups, *rest).tolist()


@given(POINTS)
def test_ranks_sort_like_the_points(points: list[tuple[int, int, int, float]]) -> None:
    _, steps, timestamps, values = columns(points)
    words = rank(np.zeros(len(steps), dtype=np.int64), steps, timestamps, values)
    ranks = [int.from_bytes(word.tobytes(), "little") for word in words]
    by_rank = sorted(range(len(points)), key=ranks.__getitem__)
    assert [order(points[index]) for index in by_rank] == sorted(order(point) for point in points)


def test_values_in_their_order() -> None:
    ordered = np.array([math.nan, -math.inf, -2.0, -0.0, 0.0, 5e-324, 1.0, math.inf])
    assert np.all(np.diff(value_order(ordered).astype(object)) > 0)


@given(POINTS, st.integers(0, 2**31 - 2))
def test_a_later_branch_is_above_all_of_an_earlier_one(
    points: list[tuple[int, int, int, float]], branch: int
) -> None:
    _, steps, timestamps, values = columns(points)
    on = np.full(len(points), branch, dtype=np.int64)
    lower = rank(on, steps, timestamps, values)
    gone = rank(on + 1, steps, timestamps, values, exists=False)
    upper = rank(on + 1, steps, timestamps, values)
    numbers = [[int.from_bytes(word.tobytes(), "little") for word in words] for words in (lower, gone, upper)]
    if points:
        assert max(numbers[0]) < min(numbers[1]) <= max(numbers[1]) < min(numbers[2])
