"""What is rolled up holds all of its points, once at each level, whatever else is rolled up beside it."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstream_consumers.projectors.latest import value_order
from trackstream_consumers.rollups import LEVELS, Stretches, level_of, roll_up

VALUES = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.5, -2.25]
LEAST, GREATEST = -(2**63), 2**63 - 1


@st.composite
def groups(draw: st.DrawFn) -> list[tuple[int, int, float]]:
    """Points (step, timestamp, value) of one metric of one event: mostly as a trainer logs them."""
    count = draw(st.integers(0, 700))
    stride = draw(st.sampled_from([0, 1, 1, 1, 3, 50, 10**6, 2**54]))
    first = draw(st.one_of(st.just(0), st.integers(-2000, 2000), st.sampled_from([LEAST, GREATEST])))
    repeats = draw(st.sampled_from([1, 1, 4]))
    steps = [min(max(first + number // repeats * stride, LEAST), GREATEST) for number in range(count)]
    chance = draw(st.randoms(use_true_random=False))
    if draw(st.booleans()):
        steps = [step if chance.random() < 0.95 else chance.choice(steps) for step in steps]
    if draw(st.integers(0, 5)) == 0:
        chance.shuffle(steps)
    return [(step, chance.choice([5, 6]), chance.choice(VALUES)) for step in steps]


def rolled_up(numbers: list[int], points: list[tuple[int, int, float]]) -> tuple[list[int], Stretches]:
    rolled, rows = roll_up(
        np.array(numbers, dtype=np.int64),
        np.array([point[0] for point in points], dtype=np.int64),
        np.array([point[1] for point in points], dtype=np.int64),
        np.array([point[2] for point in points], dtype=np.float64),
    )
    return rolled.tolist(), rows


def interleaved(found: list[list[tuple[int, int, float]]], seed: int) -> tuple[list[int], list[Any]]:
    """Points of several groups as an event has them: those of each in their order."""
    numbers = [number for number, points in enumerate(found) for _ in points]
    np.random.default_rng(seed).shuffle(numbers)
    sources = [iter(points) for points in found]
    return numbers, [next(sources[number]) for number in numbers]


def order(point: tuple[int, int, float]) -> tuple[int, int, int]:
    return point[0], point[1], int(value_order(np.array([point[2]]))[0])


@settings(max_examples=150, deadline=None)
@given(st.lists(groups(), max_size=4), st.integers(0, 2**32))
def test_each_level_has_every_point_once(found: list[list[tuple[int, int, float]]], seed: int) -> None:
    numbers, points = interleaved(found, seed)
    rolled, rows = rolled_up(numbers, points)
    assert all(len(column) == len(rows.group) for column in rows)
    by_level: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in range(len(rows.group)):
        by_level[int(rows.group[row]), int(rows.level[row])].append(row)
    for number, of_group in enumerate(found):
        levels = sorted(level for group, level in by_level if group == number)
        chain = [*levels, 0]
        # All points say the lowest level, and all rows the next one.
        assert {rolled[at] for at, group in enumerate(numbers) if group == number} <= {chain[0]}
        for level, above in zip(levels, chain[1:], strict=True):
            assert level in LEVELS
            members = by_level[number, level]
            assert {int(rows.rolled[row]) for row in members} == {above}
            assert len({int(rows.point[row]) for row in members}) == len(members)
            assert {numbers[int(rows.point[row])] for row in members} == {number}
            assert len(members) <= max(1, len(of_group) / 20)
            check_rows(rows, members, level, of_group)


def check_rows(rows: Stretches, members: list[int], level: int, points: list[tuple[int, int, float]]) -> None:
    """Rows are of neighbours: those of the first row are the first points, and so on."""
    left = list(points)
    for row in members:
        count = int(rows.points[row])
        taken, left = left[:count], left[count:]
        steps = [step for step, _, _ in taken]
        assert (int(rows.first_step[row]), int(rows.last_step[row])) == (min(steps), max(steps))
        assert min(steps) >> level == max(steps) >> level
        last = max(taken, key=order)
        assert (int(rows.last_step[row]), int(rows.last_timestamp[row])) == last[:2]
        assert order((*last[:2], float(rows.last_value[row]))) == order(last)
        numbers = [value for _, _, value in taken if not math.isnan(value)]
        assert int(rows.numbers[row]) == len(numbers)
        assert float(rows.low[row]) == min(numbers, default=0.0)
        assert float(rows.high[row]) == max(numbers, default=0.0)
        # These values have exact sums; infinities of both signs have none.
        total = math.nan if {math.inf, -math.inf} <= set(numbers) else sum(numbers)
        assert float(rows.total[row]) == pytest.approx(total, nan_ok=True, rel=0, abs=0)
    assert not left


@settings(max_examples=60, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=4), st.integers(0, 2**32))
def test_a_group_is_rolled_up_the_same_alone(found: list[list[tuple[int, int, float]]], seed: int) -> None:
    numbers, points = interleaved(found, seed)
    _, together = rolled_up(numbers, points)
    for number, of_group in enumerate(found):
        _, alone = rolled_up([0] * len(of_group), of_group)
        is_of_it = together.group == number
        at = np.flatnonzero(np.array(numbers) == number)
        assert together.point[is_of_it].tolist() == at[alone.point].tolist()
        for name in Stretches._fields:
            if name not in ("group", "point"):
                assert getattr(together, name)[is_of_it].tobytes() == getattr(alone, name).tobytes(), name


def test_what_has_few_points_is_left_alone_and_what_has_many_is_not() -> None:
    def levels(count: int, stride: int = 1) -> list[int]:
        _, rows = rolled_up([0] * count, [(stride * step, 0, 1.0) for step in range(count)])
        return sorted(set(rows.level.tolist()))

    assert [levels(count) for count in (0, 1, 39, 40, 500, 20_000)] == [
        [],
        [],
        [],
        [6],
        [6, 9],
        [6, 9, 12, 15],
    ]
    assert levels(20_000, 50) == [12, 15, 18, 21]


def test_the_highest_level_that_fits_into_a_width() -> None:
    assert [level_of(width) for width in (1, 63, 64, 511, 512, 2**63, 2**64 - 1)] == [0, 0, 6, 6, 9, 63, 63]
