"""What names, values and paths may be."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

ESCAPES = [
    "../secret", "a/../../b", "..", "/etc/passwd", "%2e%2e/secret", "%2E%2E%2Fsecret", "a/%2e%2e/%2e%2e/b",
    "%252e%252e/secret", "..%2fsecret", "%2fetc/passwd", "a\\..\\b", "..%5csecret", "C:/windows", "c:x",
    "a\x00b", "a%00b", "a\nb", "", "/", "a//b", "./a", "a/./b", "\ud800", "x" * 1001,
    "n" * 256, "a/" + "ü" * 128 + "/b",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_that_could_leave_the_run_is_refused_with_its_value(path: str) -> None:
    with pytest.raises(InvalidInput) as error:
        validate.artifact_path(path)
    assert error.value.field == "artifact path"
    assert error.value.value == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("model.pkl", "model.pkl"),
        ("a/b/c.txt", "a/b/c.txt"),
        ("dir/", "dir"),
        ("a b/ü.txt", "a b/ü.txt"),
        ("..a/b..", "..a/b.."),
        ("n" * 255 + "/" + "ü" * 127, "n" * 255 + "/" + "ü" * 127),
        ("50%.csv", "50%.csv"),
    ],
)
def test_an_honest_path_is_kept(path: str, expected: str) -> None:
    assert validate.artifact_path(path) == expected


@given(st.text(max_size=40))
def test_an_accepted_path_stays_inside(path: str) -> None:
    try:
        accepted = validate.artifact_path(path)
    except InvalidInput:
        return
    assert ".." not in accepted.split("/")
    assert not accepted.startswith("/")
    assert validate.artifact_path(accepted) == accepted


@pytest.mark.parametrize(
    "name", ["", "a" * 251, "/a", "a//b", "../a", "a/../b", "a\nb", "a\x00", ".", "x*", 7, None]
)
def test_a_bad_key_is_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="metric name"):
        validate.key(name, "metric name")


@pytest.mark.parametrize(
    "name", ["loss", "val/loss", "system/gpu 0: used", "Genauigkeit-ü", "a.b_c-d", "x" * 250]
)
def test_a_good_key_is_kept(name: str) -> None:
    assert validate.key(name, "metric name") == name


@pytest.mark.parametrize(
    "value", [1, 1.5, np.float32(0.5), np.int64(3), np.array([2.0]), Fraction(1, 2), float("inf"), 2**60]
)
def test_numbers_are_metric_values(value: object) -> None:
    assert isinstance(validate.metric_value(value, "loss"), float)


def test_nan_is_a_metric_value() -> None:
    assert math.isnan(validate.metric_value(np.float64("nan"), "loss"))


@pytest.mark.parametrize(
    "value", ["0.5", None, True, np.bool_(True), np.array([1.0, 2.0]), [1.0], 10**400, 1j, b"1"]
)
def test_what_is_no_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInput, match="metric 'loss'"):
        validate.metric_value(value, "loss")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.5, float("nan"), "1", None, True])
def test_a_step_is_a_64_bit_integer(value: object) -> None:
    with pytest.raises(InvalidInput, match="step of metric 'loss'"):
        validate.step(value, "loss")


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 3.0, np.int32(-5)])
def test_steps_may_be_negative_and_large(value: object) -> None:
    assert validate.step(value, "loss") == int(value)  # type: ignore[call-overload]


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(InvalidInput, match="10002 characters") as error:
        validate.experiment_name("x" * 10_000)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("value", ["p", "0" * 64, "-_-", "a-B_9"])
def test_a_producer_id_is_kept(value: str) -> None:
    assert validate.producer_id(value) == value


@pytest.mark.parametrize("value", ["", "0" * 65, "a b", "a/b", "ü", "a\n", None, 7])
def test_what_is_no_id(value: object) -> None:
    with pytest.raises(InvalidInput, match="producer_id"):
        validate.producer_id(value)
    with pytest.raises(InvalidInput, match="upload_id"):
        validate.upload_id(value)


def test_an_upload_id_names_a_file_that_is_not_hidden() -> None:
    assert validate.upload_id("u-1_") == "u-1_"
    with pytest.raises(InvalidInput, match="upload_id"):
        validate.upload_id("-u")


@pytest.mark.parametrize("value", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n", None, 7])
def test_what_is_no_digest(value: object) -> None:
    with pytest.raises(InvalidInput, match="sha256"):
        validate.sha256(value)


def test_text_may_be_empty_but_not_endless() -> None:
    assert validate.text("", "actor", 3) == ""
    assert validate.text("ü" * 3, "actor", 3) == "ü" * 3
    for bad in ("x" * 4, "a\x00", "\ud800", None):
        with pytest.raises(InvalidInput, match="actor"):
            validate.text(bad, "actor", 3)
