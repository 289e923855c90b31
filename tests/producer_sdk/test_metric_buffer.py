"""Metric points: whatever is logged is on the log, bit for bit, and what is no point is refused."""

from __future__ import annotations

import math
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.producer_sdk.log_contents import Point, bits, points
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.metric_buffer import MetricBuffer, PointBuffer
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas.errors import InvalidInput

INT64 = st.integers(-(2**63), 2**63 - 1)
TIMESTAMPS = st.integers(0, 9_223_372_036_854)
KEYS = st.sampled_from(["loss", "val/acc", "a b", "métrique", "x" * 250])
VALUES = st.one_of(
    st.floats(),
    st.sampled_from([-0.0, 0.0, math.inf, -math.inf, math.nan, -math.nan, 5e-324, 1.7976931348623157e308]),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: struct.unpack("<d", struct.pack("<q", number))[0]),
)
LOGGED = st.lists(
    st.tuples(st.sampled_from(["r1", "r2", "r3"]), KEYS, INT64, TIMESTAMPS, VALUES), max_size=60
)


@given(logged=LOGGED, batch_points=st.sampled_from([1, 2, 7, 20_000]))
@settings(max_examples=40, deadline=None)
def test_whatever_is_logged_is_on_the_log_bit_for_bit(
    logged: list[tuple[str, str, int, int, float]], batch_points: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = SqliteLogWriter(Path(folder, "log.db"))
        producer = Producer(writer, Settings(batch_points=batch_points, linger_ms=1))
        buffers = {run_id: producer.metric_buffer(run_id) for run_id in ("r1", "r2", "r3")}
        for run_id, key, step, timestamp, value in logged:
            buffers[run_id].record(key, value, step, timestamp)
        assert producer.close(20).complete
        writer.close()
        found = points(Path(folder))
    for run_id in buffers:
        expected = [Point(run, key, step, at, bits(value)) for run, key, step, at, value in logged]
        assert [p for p in found if p.run_id == run_id] == [p for p in expected if p.run_id == run_id]


@pytest.fixture
def buffer() -> tuple[PointBuffer, MetricBuffer]:
    shared = PointBuffer(100, lambda run_id: False)
    shared.wake()
    return shared, MetricBuffer(shared, "r", "rank0")


Buffers = tuple[PointBuffer, MetricBuffer]


def test_record_all_and_record_make_the_same_points(buffer: Buffers) -> None:
    shared, metrics = buffer
    metrics.record_all({"a": 1.5, "b": 2}, 7, 1000)
    metrics.record("a", 1.5, 7, 1000)
    metrics.record("b", 2, 7, 1000)
    [batch] = shared.batches(shared.take(100))
    assert (batch.run_id, batch.writer, batch.keys) == ("r", "rank0", ("a", "b"))
    assert batch.key_index.tolist() == [0, 1, 0, 1]
    assert batch.values.tolist() == [1.5, 2.0, 1.5, 2.0]
    assert batch.steps.tolist() == [7] * 4
    assert batch.timestamps.tolist() == [1000] * 4


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (3, 3.0),
        (np.float32(0.5), 0.5),
        (np.int64(-2), -2.0),
        (np.array([1.25]), 1.25),
        (np.bool_(True), None),
    ],
    ids=["int", "float32", "int64", "one-element-array", "bool"],
)
def test_numbers_of_other_types(buffer: Buffers, value: Any, stored: float | None) -> None:
    shared, metrics = buffer
    if stored is None:
        with pytest.raises(InvalidInput):
            metrics.record("a", value)
        return
    metrics.record("a", value)
    [batch] = shared.batches(shared.take(1))
    assert batch.values.tolist() == [stored]
    assert batch.steps.tolist() == [0]


BAD = [
    pytest.param(("", 1.0), "metric name", id="empty-name"),
    pytest.param(("x" * 251, 1.0), "at most 250", id="long-name"),
    pytest.param(("../up", 1.0), "metric name", id="path-in-name"),
    pytest.param((5, 1.0), "metric name: got 5", id="name-no-text"),
    pytest.param((["a"], 1.0), "metric name", id="name-unhashable"),
    pytest.param(("a", "high"), "metric 'a': got 'high', expected a number", id="text"),
    pytest.param(("a", None), "metric 'a'", id="none"),
    pytest.param(("a", True), "metric 'a'", id="bool"),
    pytest.param(("a", np.zeros(2)), "metric 'a'", id="two-elements"),
    pytest.param(("a", 10**400), "metric 'a'", id="too-large"),
    pytest.param(("a", 1.0, 2**63), "step of metric 'a'", id="step-too-large"),
    pytest.param(("a", 1.0, -(2**63) - 1), "step of metric 'a'", id="step-too-small"),
    pytest.param(("a", 1.0, 1.5), "step of metric 'a'", id="step-fraction"),
    pytest.param(("a", 1.0, "3"), "step of metric 'a'", id="step-text"),
    pytest.param(("a", 1.0, True), "step of metric 'a'", id="step-bool"),
    pytest.param(("a", 1.0, 0, -1), "timestamp of metric 'a'", id="negative-timestamp"),
    pytest.param(("a", 1.0, 0, 1.5), "timestamp of metric 'a'", id="timestamp-fraction"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_what_is_no_point_is_refused_by_name_and_value(
    buffer: Buffers, arguments: tuple[Any, ...], message: str
) -> None:
    shared, metrics = buffer
    with pytest.raises(InvalidInput, match=message):
        metrics.record(*arguments)
    key, *rest = arguments
    if isinstance(key, str):
        with pytest.raises(InvalidInput, match=message):
            metrics.record_all({**({} if rest[1:] else {"good": 1.0}), key: rest[0]}, *rest[1:])
    assert len(shared) == 0


def test_the_bound_is_exact_and_what_is_over_it_is_asked_about() -> None:
    asked: list[str] = []
    shared = PointBuffer(3, lambda run_id: bool(asked.append(run_id)))
    shared.wake()
    metrics = MetricBuffer(shared, "r", "")
    for step in range(5):
        metrics.record("a", 1.0, step)
    metrics.record_all({"a": 1.0, "b": 1.0})
    assert (len(shared), asked) == (3, ["r"] * 4)
    [batch] = shared.batches(shared.take(2))
    assert batch.steps.tolist() == [0, 1]
    metrics.record_all({"b": 1.0, "c": 1.0, "d": 1.0}, 9)
    assert (len(shared), asked) == (3, ["r"] * 5)
    [batch] = shared.batches(shared.take(100))
    assert [batch.keys[index] for index in batch.key_index] == ["a", "b", "c"]
