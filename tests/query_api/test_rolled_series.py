"""Curves that are read from rows of many points are those of the points."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.query_api.naive_series import assert_same_buckets, buckets_of, cuts_of_steps
from trackstream_api.models.metrics import SeriesRequest
from trackstream_api.queries.series import series
from trackstream_consumers.migrate import migrate
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.records import Record
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

TP = TopicPartition(topics.METRICS, 0)
VALUES = [math.nan, math.inf, 0.5, -0.0, 3.0, -7.25]


class Point(NamedTuple):
    """One point as it was logged."""

    run_id: str
    key: str
    writer: str
    step: int
    timestamp: int
    value: float


def logged(points: list[Point], producer: str, sequence: int) -> e.Event:
    keys = tuple(dict.fromkeys(point.key for point in points))
    body = e.MetricsLogged(
        points[0].run_id,
        points[0].writer,
        keys,
        np.array([keys.index(point.key) for point in points], np.int32),
        np.array([point.step for point in points], np.int64),
        np.array([point.timestamp for point in points], np.int64),
        np.array([point.value for point in points], np.float64),
    )
    return e.Event(e.Envelope(new_id(), 1, producer, sequence), body)


def project(engine: Engine, found: list[e.Event], at_once: int = 1000, first: int = 0) -> None:
    projector = MetricProjector(engine)
    records = [
        Record(Position(*TP, offset), event.body.run_id, event, b"")  # type: ignore[union-attr]
        for offset, event in enumerate(found, first)
    ]
    for start in range(0, len(records), at_once):
        projector.apply(records[start : start + at_once], {TP: first + start + at_once})


def some_event(chance: random.Random, run_id: str) -> list[Point]:
    """What one writer sends at once: a few metrics, with steps mostly as a trainer counts them."""
    writer = chance.choice(["a", "b"])
    stride = chance.choice([1, 1, 1, 2, 50, 3000])
    first = chance.choice([0, 0, chance.randrange(-3000, 20_000)])
    keys = chance.choice([["loss"], ["loss", "acc"]])
    repeats = chance.choice([1, 1, 3])
    points = []
    for number in range(chance.choice([1, 30, 100, 900])):
        step = first + number // repeats * stride
        if chance.random() < 0.01:
            step = chance.randrange(-5000, 40_000)
        key = keys[number % len(keys)]
        points.append(Point(run_id, key, writer, step, chance.choice([7, 8]), chance.choice(VALUES)))
    return points


def expected(
    points: list[Point], request: SeriesRequest
) -> list[tuple[str, str, str | None, list[dict[str, Any]]]]:
    low = 0 if request.start is None else request.start
    curves, guesses = {}, []
    for run_id in sorted(request.run_ids):
        for key in sorted(request.keys):
            curve = [point for point in points if (point.run_id, point.key) == (run_id, key)]
            shown = [
                point
                for point in curve
                if (request.start is None or point.step >= request.start)
                and (request.end is None or point.step <= request.end)
            ]
            if shown:
                last = max(point.step for point in curve)
                high = last if request.end is None else min(last, request.end)
                curves[run_id, key] = shown
                guesses.append((low, max(low, high)))
    spans = [
        (min(steps), max(steps)) for steps in ([point.step for point in shown] for shown in curves.values())
    ]
    found = []
    cuts = cuts_of_steps(spans, guesses, request.buckets)
    for ((run_id, key), shown), cut in zip(curves.items(), cuts, strict=True):
        writers = sorted({point.writer for point in shown}) if request.writers == "each" else [None]
        for writer in writers:
            of_writer = [point for point in shown if writer is None or point.writer == writer]
            rows = [(point.step, point.timestamp, point.value) for point in of_writer]
            found.append((run_id, key, writer, buckets_of(rows, cut, request.buckets)))
    return found


def assert_answers(engine: Engine, points: list[Point], **asked: Any) -> None:
    request = SeriesRequest(**asked)
    reply, wanted = series(engine, request), expected(points, request)
    assert [(one.run_id, one.key, one.writer) for one in reply.series] == [row[:3] for row in wanted]
    for one, (_, _, _, buckets) in zip(reply.series, wanted, strict=True):
        assert_same_buckets(one.buckets, buckets)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_events_in_any_order_asked_for_in_any_range(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    run_ids = [new_id() for _ in range(chance.randint(1, 3))]
    batches = [some_event(chance, chance.choice(run_ids)) for _ in range(chance.randint(1, 8))]
    found = [logged(points, chance.choice(["p", "q"]), number) for number, points in enumerate(batches)]
    # Some come again, before or behind the others.
    found += chance.sample(found, chance.randint(0, len(found)))
    chance.shuffle(found)
    project(engine, found, chance.choice([1, 3, 100]))
    points = [point for batch in batches for point in batch]
    for _ in range(6):
        edges = [None, 0, 64, 511, 512, chance.randrange(-6000, 41_000)]
        asked = {
            "run_ids": run_ids,
            "keys": ["acc", "loss"],
            "buckets": chance.choice([1, 2, 3, 10, 50]),
            "start": chance.choice(edges),
            "end": chance.choice([*edges, 3000, 4095]),
            "writers": chance.choice(["merged", "each"]),
        }
        assert_answers(engine, points, **asked)


def curve(run_id: str, steps: range, shift: float = 0.0) -> list[Point]:
    return [Point(run_id, "loss", "", step, 9, step + shift) for step in steps]


@pytest.mark.parametrize("edges", [(None, None), (100, None), (None, 5000), (-1, 63), (64, 4096)])
def test_only_rows_are_read_where_that_will_do(engine: Engine, edges: tuple[int | None, int | None]) -> None:
    """Were the points read as well, taking some away would be noticed."""
    run_id = new_id()
    points = curve(run_id, range(20_000))
    project(engine, [logged(points[:7000], "p", 0), logged(points[7000:], "p", 1)])
    start, end = edges
    low, high = start or 0, 20_000 if end is None else end
    with engine.client() as client:
        client.command(f"DELETE FROM metric_points WHERE step >= {low + 64} AND step < {high - 64}")
    asked = {"run_ids": [run_id], "keys": ["loss"], "start": start, "end": end}
    width = 64 * (high - low > 1000)
    assert_answers(engine, points, buckets=max(1, (high - low) // max(width, 1)), **asked)


def test_a_run_that_was_rewound_shows_no_point_that_it_superseded(engine: Engine) -> None:
    rewound, other = new_id(), new_id()
    before, after = curve(rewound, range(5000)), curve(rewound, range(2001, 4000), 0.5)
    beside = curve(other, range(9000))
    back = e.Event(e.Envelope(new_id(), 1, "q", 0), e.RunRewound(rewound, "", 2000))
    project(engine, [logged(before, "p", 0), logged(beside, "r", 0)])
    asked: dict[str, Any] = {"run_ids": [rewound, other], "keys": ["loss"], "buckets": 20}
    assert_answers(engine, [*before, *beside], **asked)
    project(engine, [back, logged(after, "q", 1)], first=2)
    assert_answers(engine, [*before[:2001], *after, *beside], **asked)


def test_points_of_before_the_rows_are_counted_once(engine: Engine) -> None:
    """A store of before says so of its runs; their events may come again, and others be added."""
    run_id = new_id()
    points = curve(run_id, range(3000))
    with engine.client() as client:
        client.insert(
            "metric_points",
            [(run_id, "loss", step, 9, float(step), "p", 0, step, 2**64 - 1) for step in range(3000)],
            ["run_id", "key", "step", "timestamp", "value", "producer_id", "sequence", "point", "earliness"],
        )
        client.command("DELETE FROM migrations WHERE number = 18")
    migrate(engine)
    more = curve(run_id, range(3000, 6000))
    project(engine, [logged(points, "p", 0), logged(more, "p", 1)], first=1)
    assert_answers(engine, [*points, *more], run_ids=[run_id], keys=["loss"], buckets=10)
