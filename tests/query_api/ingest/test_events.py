"""A request of events is taken whole or refused whole, with the culprit named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_api.ingest.events import EventRefused, encoded_events
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.ids import new_id

_PRODUCER = new_id()


def message(body: e.Body, sequence: int = 0, **envelope: Any) -> bytes:
    stamped = e.Envelope(new_id(), 1_700_000_000_000, _PRODUCER, sequence)
    return codec.encode(e.Event(replace(stamped, **envelope), body))


def request(*messages: bytes) -> bytes:
    return ingest_request([EncodedEvent("", "", value) for value in messages])


def points(timestamp: int = 5, key: str = "loss", writer: str = "") -> e.MetricsLogged:
    return e.MetricsLogged(
        "r",
        writer,
        (key,),
        np.array([0], np.int32),
        np.array([-3], np.int64),
        np.array([timestamp], np.int64),
        np.array([np.nan]),
    )


def dataset(**fields: Any) -> e.InputsLogged:
    plain = e.DatasetInput("iris", "d1", "local", "s", "{}", "{}", {"mlflow.data.context": "train"})
    return e.InputsLogged("r", [plain, replace(plain, **fields)])


START = e.RunStarted("r", "0", "run", 5)
GOOD = message(START)
LAST_TIME = 9_223_372_036_854
DIGEST = "0a" * 32


def test_events_keep_their_order_and_bytes() -> None:
    metrics = message(points(), 1)
    assert encoded_events(request(GOOD, metrics)) == [
        EncodedEvent(topics.RUNS, "r", GOOD),
        EncodedEvent(topics.METRICS, "r", metrics),
    ]


ACCEPTED: list[e.Body] = [
    e.ExperimentCreated("7", "n" * 500, "s3://bucket/place", {"t": "v" * 8000}),
    e.ExperimentRenamed("7", "ü"),
    e.ExperimentTagsSet("7", {"t": ""}),
    e.ExperimentTagsDeleted("7", ["t"]),
    e.ExperimentDeleted("7"),
    e.ExperimentRestored("7"),
    replace(START, start_time=LAST_TIME, user_id="u" * 8000, tags={"t": "1"}),
    e.RunUpdated("r"),
    e.RunUpdated("r", "FINISHED", LAST_TIME, "n" * 250),
    e.RunDeleted("r"),
    e.RunRestored("r"),
    e.ParamsLogged("r", {"p": "v" * 6000}),
    e.TagsSet("r", {"t": "1"}),
    e.TagsDeleted("r", ["t" * 250]),
    dataset(schema=None, profile=None),
    points(timestamp=LAST_TIME, writer="w" * 250),
    e.ArtifactLogged("r", f"{'n' * 255}/ü.txt", 0, DIGEST, "text/plain", new_id()),
    e.ArtifactLogged("r", "a", 2**63 - 1, DIGEST),
    e.ArtifactDeleted("r", "a"),
    e.ArtifactChunk("u" * 64, 0, 0, DIGEST, b""),
    e.ArtifactChunk("u", 3, 5, DIGEST, b"ab"),
]


@pytest.mark.parametrize("body", ACCEPTED, ids=lambda body: type(body).__name__)
def test_what_the_sdk_may_send_is_taken(body: e.Body) -> None:
    sent = message(body, 2**63 - 1, event_id="e" * 64, producer_id="p" * 64, actor="a" * 500)
    (taken,) = encoded_events(request(sent))
    assert taken.value == sent


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        pytest.param(message(START, -1), "sequence: got -1", id="sequence"),
        pytest.param(message(START, producer_id=""), "producer_id", id="no producer"),
        pytest.param(message(START, producer_id="p" * 65), "producer_id", id="long producer"),
        pytest.param(message(START, producer_id="a/b"), "producer_id", id="producer"),
        pytest.param(message(START, producer_id="p\n"), "producer_id", id="producer with line break"),
        pytest.param(message(START, event_id="e" * 65), "event_id", id="event id"),
        pytest.param(message(START, actor="a" * 501), "actor", id="actor"),
        pytest.param(message(START, actor="a\x00"), "actor", id="actor with NUL"),
        pytest.param(message(START, occurred_at=-1), "occurred_at", id="occurred before 1970"),
        pytest.param(message(points(writer="w" * 251)), "writer", id="writer"),
        pytest.param(message(points(timestamp=LAST_TIME + 1)), "metric timestamp", id="late point"),
        pytest.param(message(replace(START, start_time=-1)), "start_time", id="start"),
        pytest.param(message(replace(START, start_time=LAST_TIME + 1)), "start_time", id="late start"),
        pytest.param(message(replace(START, name="")), "run name", id="blank run name"),
        pytest.param(message(replace(START, user_id="u" * 8001)), "user_id", id="user"),
        pytest.param(message(replace(START, tags={"t": "v" * 8001})), "8000", id="tag of a start"),
        pytest.param(message(e.RunUpdated("r", name="n" * 251)), "run name", id="new run name"),
        pytest.param(message(e.RunUpdated("r", name="")), "run name", id="blank new run name"),
        pytest.param(message(e.RunUpdated("r", end_time=-1)), "end_time", id="end"),
        pytest.param(message(e.RunUpdated("r", end_time=LAST_TIME + 1)), "end_time", id="late end"),
        pytest.param(message(e.ParamsLogged("r", {"a//b": "1"})), "param key", id="param key"),
        pytest.param(message(e.TagsDeleted("r", ["t" * 251])), "tag key", id="deleted tag"),
        pytest.param(message(e.ExperimentTagsDeleted("7", ["a\x00"])), "tag key", id="deleted tag's NUL"),
        pytest.param(message(e.ExperimentTagsSet("7", {"t*": "v"})), "tag key", id="experiment's tag"),
        pytest.param(message(e.ExperimentCreated("7", "n", "s" * 2049)), "artifact_location", id="location"),
        pytest.param(message(e.ExperimentDeleted("a b")), "experiment_id", id="deleted experiment"),
        pytest.param(message(dataset(name="n" * 501)), "dataset name", id="dataset name"),
        pytest.param(message(dataset(digest="n" * 251)), "dataset digest", id="dataset digest"),
        pytest.param(message(dataset(source_type="n" * 251)), "dataset source_type", id="dataset type"),
        pytest.param(message(dataset(source="n" * 65_536)), "dataset source", id="dataset source"),
        pytest.param(message(dataset(schema="n" * 1_048_576)), "dataset schema", id="dataset schema"),
        pytest.param(message(dataset(profile="a\x00")), "dataset profile", id="dataset profile"),
        pytest.param(message(dataset(tags={"": "v"})), "tag key", id="dataset tag"),
        pytest.param(message(e.ArtifactLogged("r", "a", -1, DIGEST)), "size", id="size"),
        pytest.param(message(e.ArtifactLogged("r", "a", 1, "0" * 63)), "sha256", id="short digest"),
        pytest.param(message(e.ArtifactLogged("r", "a", 1, "0A" * 32)), "sha256", id="upper-case digest"),
        pytest.param(message(e.ArtifactLogged("r", "a/", 1, DIGEST)), "plain spelling", id="spelling"),
        pytest.param(message(e.ArtifactLogged("r", "ü" * 128, 1, DIGEST)), "255 bytes", id="long segment"),
        pytest.param(message(e.ArtifactLogged("r", "a", 1, DIGEST, "t" * 251)), "content_type", id="type"),
        pytest.param(message(e.ArtifactLogged("r", "a", 1, DIGEST, None, "../u")), "upload_id", id="upload"),
        pytest.param(message(e.ArtifactChunk("", 0, 1, DIGEST, b"a")), "upload_id", id="chunk's upload"),
        pytest.param(message(e.ArtifactChunk("../u", 0, 1, DIGEST, b"a")), "upload_id", id="chunk's path"),
        pytest.param(message(e.ArtifactChunk("u", -1, 1, DIGEST, b"a")), "offset", id="chunk before"),
        pytest.param(message(e.ArtifactChunk("u", 1, 1, DIGEST, b"a")), "total_size", id="chunk behind"),
        pytest.param(message(e.ArtifactChunk("u", 0, -1, DIGEST, b"")), "total_size", id="chunk of nothing"),
        pytest.param(message(e.ArtifactChunk("u", 0, 1, "x", b"a")), "sha256", id="chunk's digest"),
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
        pytest.param(
            message(e.DeadLetterResolved("t", 0, 0, "dropped", "")), "may append", id="dead letter resolved"
        ),
    ],
)
def test_the_malformed_event_is_named(bad: bytes, told: str) -> None:
    with pytest.raises(EventRefused, match="event 1 of 3") as refused:
        encoded_events(request(GOOD, bad, GOOD))
    assert refused.value.field == "events[1]"
    assert told in str(refused.value)
    assert refused.value.status == 400


def test_sequences_of_a_producer_do_not_descend() -> None:
    other = message(START, 0, producer_id="other")
    assert len(encoded_events(request(message(START, 3), other, message(START, 4), message(START, 4)))) == 4
    with pytest.raises(EventRefused, match="event 2 of 3: sequence: got 2, expected at least 3") as refused:
        encoded_events(request(message(START, 3), other, message(START, 2)))
    assert _PRODUCER in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", GOOD, request(GOOD)[:-2], request(GOOD) + b"x"],
    ids=["empty", "json", "event", "short", "long"],
)
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
