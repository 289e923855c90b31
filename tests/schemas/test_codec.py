"""Single-object encoding of every event, and what becomes of damaged messages."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.schemas.strategies import envelopes, events, metric_batches
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.routing import key_of, topic_of
from trackstream_schemas.schema_files import by_fingerprint, crc64_avro, newest, published

ENVELOPE = e.Envelope("0" * 32, 1_790_000_000_123, "1" * 32, 7, "somebody")


@given(events)
def test_every_event_survives_the_round_trip(event: e.Event) -> None:
    assert codec.decode(codec.encode(event)) == event


@given(events)
def test_every_event_has_a_topic_and_a_key(event: e.Event) -> None:
    assert topic_of(event.body) in topics.EVENT_TOPICS
    assert isinstance(key_of(event.body), str)


@given(envelopes, metric_batches())
def test_a_metric_batch_is_plain_avro_in_both_directions(
    envelope: e.Envelope, batch: e.MetricsLogged
) -> None:
    event = e.Event(envelope, batch)
    message = codec.encode(event)
    schema = newest()["MetricsLogged"].parsed
    record = schemaless_reader(io.BytesIO(message[codec.HEADER_SIZE :]), schema, None)
    assert len(record["values"]) == len(batch)
    rewritten = io.BytesIO()
    schemaless_writer(rewritten, schema, record)
    assert codec.decode(message[: codec.HEADER_SIZE] + rewritten.getvalue()) == event


def test_special_floats_and_the_ends_of_int64_are_kept_bit_for_bit() -> None:
    batch = e.MetricsLogged(
        run_id="r",
        writer="",
        keys=("loss",),
        key_index=np.zeros(5, np.int32),
        steps=np.array([-(2**63), 2**63 - 1, 0, -1, 1]),
        timestamps=np.array([0, 1, 2**63 - 1, -(2**63), 5]),
        values=np.array([float("nan"), float("inf"), float("-inf"), -0.0, 5e-324]),
    )
    assert codec.decode(codec.encode(e.Event(ENVELOPE, batch))).body == batch


def test_published_fingerprints_are_distinct_and_lead_a_message() -> None:
    assert len(by_fingerprint()) == len(published())
    message = codec.encode(e.Event(ENVELOPE, e.RunDeleted("r")))
    assert message[:2] == b"\xc3\x01"
    assert message[2:10] == newest()["RunDeleted"].fingerprint


# Fingerprints as Avro's own test data gives them (apache/avro, share/test/data/schema-tests.txt), signed.
VECTORS: list[tuple[Any, int]] = [
    ("null", 7195948357588979594),
    ("boolean", -6970731678124411036),
    ("int", 8247732601305521295),
    ("long", -3434872931120570953),
    ("float", 5583340709985441680),
    ("double", -8181574048448539266),
    ("bytes", 5746618253357095269),
    ("string", -8142146995180207161),
    (["int", {"type": "boolean"}], 5392556393470105090),
    ({"fields": [], "type": "record", "name": "foo"}, -4824392279771201922),
    ({"fields": [], "type": "record", "name": "foo", "doc": "Useful info"}, -4824392279771201922),
    ({"fields": [], "type": "record", "name": "foo", "namespace": "x.y"}, 5916914534497305771),
    ({"type": "enum", "name": "foo", "symbols": ["A1"]}, -6342190197741309591),
    ({"name": "foo", "type": "fixed", "size": 15}, 1756455273707447556),
    ({"values": "string", "type": "map"}, -8732877298790414990),
]


@pytest.mark.parametrize(("schema", "expected"), VECTORS, ids=lambda value: str(value)[:40])
def test_crc_64_avro_gives_the_published_values(schema: Any, expected: int) -> None:
    assert crc64_avro(schema) == struct.pack("<q", expected)


@given(events, st.data())
@settings(max_examples=200)
def test_a_truncated_message_is_malformed(event: e.Event, data: st.DataObject) -> None:
    message = codec.encode(event)
    cut = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(MalformedEvent):
        codec.decode(message[:cut])


@given(events, st.binary(min_size=1, max_size=5))
def test_bytes_behind_the_end_are_malformed(event: e.Event, extra: bytes) -> None:
    with pytest.raises(MalformedEvent):
        codec.decode(codec.encode(event) + extra)


@given(events, st.data())
@settings(max_examples=300)
def test_a_damaged_message_decodes_to_some_event_or_is_malformed(event: e.Event, data: st.DataObject) -> None:
    message = bytearray(codec.encode(event))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = codec.decode(bytes(message))
    except MalformedEvent:
        return
    assert isinstance(decoded, e.Event)


@pytest.mark.parametrize("message", [b"", b"\xc3\x01", b"\x00" * 40, b"\xc3\x01" + b"\xff" * 30])
def test_what_is_not_ours_is_malformed(message: bytes) -> None:
    with pytest.raises(MalformedEvent, match="message"):
        codec.decode(message)
