"""Requests and replies by protobuf's JSON rules."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream_api.mlflow.errors import InvalidParameter, MissingParameter
from trackstream_api.mlflow.messages import (
    Int64,
    Message,
    Repeated,
    Required,
    RunIdMessage,
    json_object,
    parse,
    present,
    reply,
)


class Part(Message):
    key: Required
    value: str | None = None


class Whole(Message):
    some_name: Required
    big_number: Int64 | None = None
    value: float | None = None
    flag: bool | None = None
    parts: Repeated[Part]


@pytest.mark.parametrize(
    "body",
    [
        {"some_name": "a", "big_number": 7},
        {"someName": "a", "bigNumber": "7"},
        {"some_name": "a", "big_number": 7.0, "parts": None, "flag": None, "unknown": {"x": 1}},
    ],
    ids=["snake case", "camel case and text", "nulls, whole floats and unknown fields"],
)
def test_spellings_of_one_message(body: dict[str, Any]) -> None:
    assert parse(Whole, json.dumps(body).encode()) == parse(Whole, b'{"some_name": "a", "big_number": 7}')


def test_json_encoded_twice_is_read_as_old_clients_mean_it() -> None:
    assert parse(Whole, json.dumps('{"some_name": "a"}').encode()).some_name == "a"


def test_not_a_number_in_each_spelling() -> None:
    for spelling in (b'"NaN"', b"NaN"):
        value = parse(Whole, b'{"some_name": "a", "value": ' + spelling + b"}").value
        assert value is not None
        assert math.isnan(value)
    assert parse(Whole, b'{"some_name": "a", "value": "-Infinity"}').value == -math.inf


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "some_name"),
        (b"{}", "some_name"),
        (b"null", "some_name"),
        (b'{"some_name": null}', "some_name"),
        (b'{"someName": ""}', "some_name"),
        (b'{"some_name": "a", "parts": [{"key": "x"}, {"value": "v"}]}', "parts[1].key"),
    ],
)
def test_what_is_missing_is_named(body: bytes, field: str) -> None:
    with pytest.raises(MissingParameter) as missing:
        parse(Whole, body)
    assert missing.value.field == field
    assert str(missing.value).startswith(f"Missing value for required parameter '{field}'.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"some_name": 5}', "some_name"),
        (b'{"some_name": "a", "big_number": "x"}', "big_number"),
        (b'{"some_name": "a", "big_number": 9223372036854775808}', "big_number"),
        (b'{"some_name": "a", "parts": "x"}', "parts"),
        (b"[]", "body"),
        (b"{", "body"),
        (b'"text"', "body"),
        (b"\xff", "body"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, field: str) -> None:
    with pytest.raises(InvalidParameter) as wrong:
        parse(Whole, body)
    assert (wrong.value.field, wrong.value.status) == (field, 400)
    assert wrong.value.error_code == "INVALID_PARAMETER_VALUE"


def test_the_old_name_of_a_run_id() -> None:
    assert parse(RunIdMessage, b'{"run_uuid": "r"}').run_id == "r"
    assert parse(RunIdMessage, b'{"run_uuid": "r", "run_id": "r"}').run_id == "r"


@given(st.binary(max_size=40))
def test_no_body_but_an_object_passes(body: bytes) -> None:
    try:
        found = json_object(body)
    except InvalidParameter:
        return
    assert isinstance(found, dict)


def test_a_reply_holds_big_integers_as_numbers_and_no_literal_nan() -> None:
    content = present(big=2**63 - 1, nan=math.nan, up=math.inf, none=None, empty=[], zero=0, text="")
    text = bytes(reply(content).body).decode()
    assert json.loads(text) == {"big": 2**63 - 1, "nan": "NaN", "up": "Infinity", "zero": 0, "text": ""}
