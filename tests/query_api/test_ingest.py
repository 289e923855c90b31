"""A request of events is taken whole or refused whole, with the culprit named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_api.ingest import EventRefused, encoded_events
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.ids import new_id

_PRODUCER = new_id()


def message(body: e.Body, sequence: int = 0) -> bytes:
    return codec.encode(e.Event(e.Envelope(new_id(), 1_700_000_000_000, _PRODUCER, sequence), body))


def request(*messages: bytes) -> bytes:
    return ingest_request([EncodedEvent("", "", value) for value in messages])


def points(timestamp: int = 5, key: str = "loss") -> e.MetricsLogged:
    return e.MetricsLogged(
        "r",
        "",
        (key,),
        np.array([0], np.int32),
        np.array([-3], np.int64),
        np.array([timestamp], np.int64),
        np.array([np.nan]),
    )


GOOD = message(e.RunStarted("r", "0", "run", 5))


def test_events_keep_their_order_and_bytes() -> None:
    metrics = message(points(), 1)
    assert encoded_events(request(GOOD, metrics)) == [
        EncodedEvent(topics.RUNS, "r", GOOD),
        EncodedEvent(topics.METRICS, "r", metrics),
    ]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        pytest.param(GOOD[:-3], "a whole event", id="truncated"),
        pytest.param(GOOD + b"x", "a whole event", id="bytes behind"),
        pytest.param(b"", "C3 01", id="empty"),
        pytest.param(b"\xc3\x01" + bytes(20), "published schema", id="unknown schema"),
        pytest.param(message(e.ArtifactLogged("r", "../x", 1, "0" * 64)), "no '..'", id="path"),
        pytest.param(message(e.ArtifactDeleted("r", "/etc/passwd")), "relative", id="absolute path"),
        pytest.param(message(e.ParamsLogged("r", {"p": "v" * 6001})), "6000", id="long param"),
        pytest.param(message(e.TagsSet("r", {"": "v"})), "tag key", id="empty tag key"),
        pytest.param(message(e.RunStarted("../r", "0", "n", 5)), "run_id", id="run id"),
        pytest.param(message(e.RunStarted("r", "", "n", 5)), "experiment_id", id="experiment id"),
        pytest.param(message(e.ExperimentCreated("7", " ")), "experiment name", id="blank name"),
        pytest.param(message(e.ExperimentRenamed("7", "n" * 501)), "500", id="long name"),
        pytest.param(message(points(key="")), "metric key", id="empty metric key"),
        pytest.param(message(points(timestamp=-1)), "metric timestamp", id="negative time"),
        pytest.param(
            message(e.DeadLettered("p", "t", 0, 0, "k", b"", "E", "m")), "may append", id="dead letter"
        ),
    ],
)
def test_the_malformed_event_is_named(bad: bytes, told: str) -> None:
    with pytest.raises(EventRefused, match="event 1 of 3") as refused:
        encoded_events(request(GOOD, bad, GOOD))
    assert refused.value.field == "events[1]"
    assert told in str(refused.value)
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"", b"{}", GOOD, request(GOOD)[:-2], request(GOOD) + b"x"])
def test_what_is_not_a_request(body: bytes) -> None:
    with pytest.raises(MalformedEvent, match="request body"):
        encoded_events(body)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_damage_never_gets_past(noise: bytes, at: int) -> None:
    whole = request(GOOD, GOOD)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        events = encoded_events(damaged)
    except MalformedEvent:
        return
    for event in events:
        assert codec.decode(event.value)
