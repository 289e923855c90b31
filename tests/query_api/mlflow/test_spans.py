"""Spans of a traces.json as OpenTelemetry's messages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from trackstream_api.mlflow.spans import span_messages
from trackstream_schemas.errors import StorageFailed

TRACE_ID = base64.b64encode(bytes(range(16))).decode()
SPAN_ID = base64.b64encode(bytes(8)).decode()
SPAN: dict[str, Any] = {
    "trace_id": TRACE_ID,
    "span_id": SPAN_ID,
    "parent_span_id": None,
    "name": "look up",
    "start_time_unix_nano": 1_700_000_000_000_000_001,
    "end_time_unix_nano": None,
    "events": [],
    "status": {"code": "STATUS_CODE_OK", "message": ""},
    "attributes": {},
    "links": [],
}


def converted(**fields: Any) -> dict[str, Any]:
    (found,) = span_messages(json.dumps({"spans": [SPAN | fields]}).encode())
    return found


def test_a_plain_span() -> None:
    assert converted() == {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "look up",
        "start_time_unix_nano": "1700000000000000001",
        "status": {"code": "STATUS_CODE_OK"},
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", {"string_value": "text"}),
        (True, {"bool_value": True}),
        (7, {"int_value": "7"}),
        (2**63, {"double_value": 2.0**63}),
        (0.5, {"double_value": 0.5}),
        (None, {}),
        ([1, None], {"array_value": {"values": [{"int_value": "1"}, {}]}}),
        ({"a": "b"}, {"kvlist_value": {"values": [{"key": "a", "value": {"string_value": "b"}}]}}),
    ],
)
def test_attributes_are_json_within_json(value: Any, message: dict[str, Any]) -> None:
    assert converted(attributes={"k": json.dumps(value)})["attributes"] == [{"key": "k", "value": message}]


def test_an_attribute_that_is_no_json_is_taken_as_it_is() -> None:
    assert converted(attributes={"k": "not json", "n": 3})["attributes"] == [
        {"key": "k", "value": {"string_value": "not json"}},
        {"key": "n", "value": {"int_value": "3"}},
    ]


def test_events_and_links() -> None:
    found = converted(
        end_time_unix_nano=5,
        parent_span_id=SPAN_ID,
        events=[{"name": "exception", "time_unix_nano": 4, "attributes": {"exception.type": "ValueError"}}],
        links=[{"trace_id": f"tr-{bytes(range(16)).hex()}", "span_id": bytes(8).hex(), "attributes": None}],
    )
    assert (found["end_time_unix_nano"], found["parent_span_id"]) == ("5", SPAN_ID)
    assert found["events"] == [
        {
            "name": "exception",
            "time_unix_nano": "4",
            "attributes": [{"key": "exception.type", "value": {"string_value": "ValueError"}}],
        }
    ]
    assert found["links"] == [{"trace_id": TRACE_ID, "span_id": SPAN_ID}]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"spans": [{}]}', b'{"spans": [1]}', b"\xff"])
def test_a_damaged_file_is_named(content: bytes) -> None:
    with pytest.raises(StorageFailed, match="spans cannot be read"):
        span_messages(content)
