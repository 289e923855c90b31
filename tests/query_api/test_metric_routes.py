"""Points over HTTP: bit for bit, page by page, and downsampled as numpy would."""

from __future__ import annotations

import itertools
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.query_api.naive_series import Cut, assert_same_buckets, buckets_of, cuts_of_steps
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

LAST = 2**63 - 1
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1, -1 / 3]


def batch(run_id: str, rows: list[tuple[str, int, int, float]], writer: str = "") -> e.MetricsLogged:
    keys = tuple(dict.fromkeys(key for key, _, _, _ in rows))
    return e.MetricsLogged(
        run_id,
        writer,
        keys,
        np.array([keys.index(row[0]) for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
    )


def whole_history(server: LiveServer, run_id: str, key: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"key": key, "limit": limit}
    while True:
        page = server.call("GET", f"/api/v1/runs/{run_id}/metric-history", params=query)
        assert len(page["points"]) <= limit
        found += page["points"]
        if page["next_page_token"] is None:
            return found
        query["page_token"] = page["next_page_token"]


def bits(value: float) -> bytes:
    """The bits of a value; JSON knows one NaN."""
    return b"nan" if math.isnan(value) else struct.pack(">d", value)


def test_values_steps_and_times_come_back_as_they_went(server: LiveServer) -> None:
    steps = [-(2**63), -5, -1, 0, 1, 2**53 + 1, LAST, 7, 7]
    times = [0, 1, 1_700_000_000_123, 9_223_372_036_854, 5, 5, 5, 5, 5]
    rows = list(zip(["loss"] * len(SPECIAL), steps, times, SPECIAL, strict=True))
    run_id = new_id()
    server.new_run(further=[batch(run_id, rows, "rank-1")], run_id=run_id)
    found = whole_history(server, run_id, "loss", 4)
    expected = sorted(rows, key=lambda row: (row[1], row[2]))
    assert [point["step"] for point in found] == [row[1] for row in expected]
    assert [point["timestamp"] for point in found] == [row[2] for row in expected]
    assert [bits(float(point["value"])) for point in found] == [bits(row[3]) for row in expected]
    assert {point["writer"] for point in found} == {"rank-1"}


def test_pages_do_not_shift_when_points_come_in(server: LiveServer) -> None:
    run_id = new_id()
    rows = [("loss", step // 3, 1000 + step, float(step)) for step in range(30)]
    server.new_run(further=[batch(run_id, rows)], run_id=run_id)
    path = f"/api/v1/runs/{run_id}/metric-history"
    first = server.call("GET", path, params={"key": "loss", "limit": 10})
    server.log(batch(run_id, [("loss", -1, 1, -1.0)]))
    second = server.call(
        "GET", path, params={"key": "loss", "limit": 100, "page_token": first["next_page_token"]}
    )
    values = [point["value"] for point in first["points"] + second["points"]]
    assert values == [float(step) for step in range(30)]
    assert second["next_page_token"] is None


def test_a_page_token_is_good_for_its_run_and_key_only(server: LiveServer) -> None:
    rows = [(key, step, 1, 0.0) for key in ("a", "b") for step in range(3)]
    first, second = new_id(), new_id()
    for run_id in (first, second):
        server.new_run(further=[batch(run_id, rows)], run_id=run_id)
    path = "/api/v1/runs/{}/metric-history"
    page = server.call("GET", path.format(first), params={"key": "a", "limit": 1})
    for run_id, key, status in [(first, "a", 200), (first, "b", 400), (second, "a", 400)]:
        query = {"key": key, "limit": 1, "page_token": page["next_page_token"]}
        answer = server.call("GET", path.format(run_id), status, params=query)
        assert status == 200 or answer["field"] == "page_token"


def test_a_value_logged_twice_stays_twice(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run(further=[batch(run_id, [("a", 1, 1, 2.0), ("a", 1, 1, 2.0)])], run_id=run_id)
    assert len(whole_history(server, run_id, "a", 1)) == 2


def test_summaries(server: LiveServer) -> None:
    run_id = new_id()
    rows = [("a", 3, 10, 1.5), ("a", -2, 20, -1.0), ("a", 9, 30, math.nan), ("b", 0, 5, math.nan)]
    server.new_run(further=[batch(run_id, rows)], run_id=run_id)
    found = server.call("GET", f"/api/v1/runs/{run_id}/metrics")["metrics"]
    assert found == [
        {
            "key": "a",
            "points": 3,
            "first_step": -2,
            "last_step": 9,
            "first_timestamp": 10,
            "last_timestamp": 30,
            "min": -1.0,
            "max": 1.5,
            "latest": {"value": "NaN", "step": 9, "timestamp": 30},
        },
        {
            "key": "b",
            "points": 1,
            "first_step": 0,
            "last_step": 0,
            "first_timestamp": 5,
            "last_timestamp": 5,
            "min": None,
            "max": None,
            "latest": {"value": "NaN", "step": 0, "timestamp": 5},
        },
    ]


def downsampled(
    rows: list[tuple[int, int, float]], axis: int, buckets: int, start: int = 0
) -> list[dict[str, Any]]:
    """What the API must answer: `rows` are (step, timestamp, value), `axis` 0 or 1 is x.

    Steps are cut from `start` on, or where that is much too coarse from their least one on.
    """
    points = [(row[axis], row[1 - axis], row[2]) for row in rows]
    first, last = min(points)[0], max(points)[0]
    cut = Cut(first, (last - first) // buckets + 1)
    if axis == 0:
        (cut,) = cuts_of_steps([(first, last)], [(start, max(start, last))], buckets)
    return buckets_of(points, cut, buckets)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.integers(-50, 50), st.integers(-(2**63), LAST)),
            st.integers(0, 9_223_372_036_854),
            st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)),
        ),
        min_size=1,
        max_size=60,
    ),
    buckets=st.integers(1, 20),
    x=st.sampled_from(["step", "timestamp"]),
)
def test_downsampling_agrees_with_numpy(
    server: LiveServer, rows: list[tuple[int, int, float]], buckets: int, x: str
) -> None:
    run_id = new_id()
    server.new_run(further=[batch(run_id, [("m", *row) for row in rows])], run_id=run_id)
    body = {"run_ids": [run_id], "keys": ["m", "none"], "buckets": buckets, "x": x}
    found = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
    assert [(series["run_id"], series["key"]) for series in found] == [(run_id, "m")]
    assert len(found[0]["buckets"]) <= buckets
    axis = 0 if x == "step" else 1
    assert_same_buckets(found[0]["buckets"], downsampled(rows, axis, buckets))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, LAST - 1, LAST]), min_size=1, max_size=8
    ),
    buckets=st.sampled_from([1, 2, 3, 7, 10_000]),
)
@example(steps=[-(2**63), LAST], buckets=1)
@example(steps=[-(2**63), 0, LAST], buckets=1)
@example(steps=[-(2**63), LAST - 1], buckets=1)
@example(steps=[-(2**63), -1, 0, LAST], buckets=2)
def test_downsampling_at_the_ends_of_the_integers(server: LiveServer, steps: list[int], buckets: int) -> None:
    run_id = new_id()
    rows = [(step, number, float(number)) for number, step in enumerate(steps)]
    server.new_run(further=[batch(run_id, [("m", *row) for row in rows])], run_id=run_id)
    body = {"run_ids": [run_id], "keys": ["m"], "buckets": buckets}
    (found,) = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
    assert len(found["buckets"]) <= buckets
    assert_same_buckets(found["buckets"], downsampled(rows, 0, buckets))


def test_several_curves_and_a_stretch_of_them(server: LiveServer) -> None:
    first, second = new_id(), new_id()
    for run_id, factor in [(first, 1.0), (second, -1.0)]:
        rows = [(key, step, step, factor * step) for key in ("a", "b") for step in range(100)]
        server.new_run(further=[batch(run_id, rows)], run_id=run_id)
    body = {"run_ids": [second, first], "keys": ["b", "a"], "buckets": 3, "start": 10, "end": 39}
    found = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
    assert [(series["run_id"], series["key"]) for series in found] == [
        (run_id, key) for run_id in sorted((first, second)) for key in ("a", "b")
    ]
    for series in found:
        factor = 1.0 if series["run_id"] == first else -1.0
        curve = [(step, step, factor * step) for step in range(10, 40)]
        assert_same_buckets(series["buckets"], downsampled(curve, 0, 3, start=10))


def test_curves_side_by_side_from_the_start_of_each_run(server: LiveServer) -> None:
    curves = {new_id(): 1_000_000, new_id(): 5_000_000}
    for run_id, begun in curves.items():
        further = [batch(run_id, [("a", step, begun + 10 * step, float(step)) for step in range(100)])]
        server.new_run(further=further, run_id=run_id, start_time=begun)
    body = {"run_ids": [*curves, new_id()], "keys": ["a"], "x": "relative", "start": 500, "buckets": 10}
    found = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
    assert [series["run_id"] for series in found] == sorted(curves)
    expected = downsampled([(10 * step, step, float(step)) for step in range(50, 100)], 0, 10)
    for series in found:
        assert_same_buckets(series["buckets"], expected)
    unknown = {**body, "run_ids": [new_id()]}
    assert server.call("POST", "/api/v1/metrics/series", json=unknown) == {"series": []}


@pytest.mark.parametrize("first", [0, 1, 7])
def test_stretches_for_a_log_axis_grow_by_one_factor(server: LiveServer, first: int) -> None:
    run_id = new_id()
    rows = [("a", step, step, float(step)) for step in range(first, 10_001)]
    server.new_run(further=[batch(run_id, rows)], run_id=run_id)
    body = {"run_ids": [run_id], "keys": ["a"], "buckets": 40, "spacing": "log"}
    (found,) = server.call("POST", "/api/v1/metrics/series", json=body)["series"]
    buckets = found["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == len(rows)
    assert (buckets[0]["x_first"], buckets[-1]["x_last"]) == (first, 10_000)
    factor = (10_000 / max(first, 1)) ** (1 / 40)
    for bucket, following in itertools.pairwise(buckets):
        assert bucket["x_last"] + 1 == following["x_first"]
        assert bucket["x_last"] / max(bucket["x_first"], 1) <= factor * (1 + 1e-9)
    one = {**body, "start": 50, "end": 50}
    (found,) = server.call("POST", "/api/v1/metrics/series", json=one)["series"]
    assert [bucket["count"] for bucket in found["buckets"]] == [1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"run_ids": [], "keys": ["a"]}, "run_ids"),
        ({"run_ids": ["r"] * 101, "keys": ["a"]}, "run_ids"),
        ({"run_ids": ["../r"], "keys": ["a"]}, "run_ids"),
        ({"run_ids": ["r"], "keys": [""]}, "keys"),
        ({"run_ids": ["r"], "keys": ["a"], "buckets": 0}, "buckets"),
        ({"run_ids": ["r"], "keys": ["a"], "buckets": 10_001}, "buckets"),
        ({"run_ids": ["r"], "keys": ["a"], "x": "value"}, "x"),
        ({"run_ids": ["r"], "keys": ["a"], "start": 2**63}, "start"),
        ({"keys": ["a"]}, "run_ids"),
    ],
)
def test_a_bad_series_request_names_the_field(server: LiveServer, body: dict[str, Any], field: str) -> None:
    refused = server.call("POST", "/api/v1/metrics/series", 400, json=body)
    assert refused["field"] == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "key"),
        ({"key": ""}, "key"),
        ({"key": "a", "limit": 0}, "limit"),
        ({"key": "a", "limit": 50_001}, "limit"),
        ({"key": "a", "page_token": "e30"}, "page_token"),
        ({"key": "a", "page_token": "WzEsMSwiIiwtMSwwXQ"}, "page_token"),
    ],
)
def test_a_bad_history_request_names_the_field(server: LiveServer, query: dict[str, Any], field: str) -> None:
    run_id = server.new_run()
    refused = server.call("GET", f"/api/v1/runs/{run_id}/metric-history", 400, params=query)
    assert refused["field"] == field
