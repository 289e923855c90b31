"""Protobuf's times in JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.proto_times import (
    duration_of_millis,
    millis_of_duration,
    millis_of_timestamp,
    timestamp_of_millis,
)


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_comes_back(millis: int) -> None:
    assert millis_of_timestamp(timestamp_of_millis(millis), "t") == millis


@given(st.integers(-315_576_000_000_000, 315_576_000_000_000))
def test_a_duration_comes_back(millis: int) -> None:
    assert millis_of_duration(duration_of_millis(millis), "d") == millis


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T01:00:00.001+01:00", 1),
        ("1970-01-01t00:00:02z", 2000),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_spellings_of_times(text: str, millis: int) -> None:
    assert millis_of_timestamp(text, "t") == millis


@pytest.mark.parametrize(
    ("text", "millis"), [("0s", 0), ("1.5s", 1500), ("-0.25s", -250), ("3.000000001s", 3000), ("12s", 12_000)]
)
def test_spellings_of_durations(text: str, millis: int) -> None:
    assert millis_of_duration(text, "d") == millis


@pytest.mark.parametrize("text", ["", "soon", "1970-01-01T00:00:00", "2024-13-01T00:00:00Z", "1700000000"])
def test_no_times(text: str) -> None:
    with pytest.raises(InvalidParameter, match="'request_time'"):
        millis_of_timestamp(text, "request_time")


@pytest.mark.parametrize("text", ["", "1", "1.5", "s", ".5s", "1e3s", "1.1234567890s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(InvalidParameter, match="'execution_duration'"):
        millis_of_duration(text, "execution_duration")


def test_a_time_beyond_every_calendar_is_the_last_one() -> None:
    assert timestamp_of_millis(2**62) == "9999-12-31T23:59:59.999Z"
    assert timestamp_of_millis(-5) == "1970-01-01T00:00:00.000Z"
