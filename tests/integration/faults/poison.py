"""Records that no honest producer appends: damaged ones, and whole ones that make no sense."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import Producer

from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id
from trackstream_schemas.kafka_topics import MAX_RECORD_BYTES
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    Raw = tuple[str, str, bytes]
    """Topic, key, value."""

_HUGE = 2**63 - 1


def damaged(key: str) -> list[Raw]:
    """Return records that cannot be read at all, under the key of an honest run."""
    whole = _encoded(e.ParamsLogged(key, {"depth": "3"}))
    points = _encoded(_points(key, [0.0], [0]))
    unknown = codec.MARKER + b"\xde\xad\xbe\xef\xde\xad\xbe\xef" + whole[codec.HEADER_SIZE :]
    values = [b"", b"\0", b"garbage", os.urandom(5000), whole[:-3], whole[:5], unknown, whole + b"more"]
    return [
        *((topics.RUNS, key, value) for value in values),
        *((topics.METRICS, key, value) for value in (b"", os.urandom(300), points[:-1], unknown)),
        *((topics.ARTIFACTS, key, value) for value in (b"garbage", unknown)),
        *((topics.ARTIFACT_BYTES, key, value) for value in (b"garbage", unknown)),
        *((topics.EXPERIMENTS, key, value) for value in (b"garbage", unknown)),
        # Whole, but of another topic, or of another entity than its key says.
        (topics.METRICS, key, whole),
        (topics.RUNS, key, points),
        (topics.RUNS, new_id(), whole),
        (topics.ARTIFACT_BYTES, "other", _encoded(e.ArtifactChunk("upload", 0, 3, "0" * 64, b"abc"))),
    ]


def absurd() -> list[Raw]:
    """Return whole events of the right schema with contents that the SDK and the API refuse."""
    run, digest = new_id(), "0" * 64
    bodies: list[tuple[str, str, e.Body]] = [
        (topics.RUNS, run, e.RunStarted(run, "-1", "\0" * 10, -(2**63), "nobody", {"": "\ud7ff" * 10})),
        (topics.RUNS, run, e.RunUpdated(run, "FINISHED", end_time=_HUGE)),
        (topics.RUNS, run, e.ParamsLogged(run, {"x" * 100_000: "y" * 1_000_000, "": "", "\0": "\0"})),
        (topics.RUNS, "../../etc/passwd", e.TagsSet("../../etc/passwd", {"a'; DROP TABLE runs": "--"})),
        (topics.METRICS, run, _points(run, [np.nan, np.inf, 1e308], [-(2**63), _HUGE, 0])),
        (topics.METRICS, run, _points(run, [], [])),
        (topics.ARTIFACTS, run, e.ArtifactLogged(run, "../../../etc/passwd", -1, "not a digest")),
        (topics.ARTIFACTS, run, e.ArtifactLogged(run, "\0", _HUGE, digest)),
        (topics.ARTIFACT_BYTES, "u1", e.ArtifactChunk("u1", 10, 3, digest, b"abc")),
        (topics.ARTIFACT_BYTES, "../up", e.ArtifactChunk("../up", 0, 3, digest, b"abc")),
        (topics.ARTIFACT_BYTES, "u2", e.ArtifactChunk("u2", 5, 1 << 60, digest, b"behind a gap")),
        (topics.ARTIFACT_BYTES, "u3", e.ArtifactChunk("u3", 0, 3, digest, b"abc")),
        (topics.EXPERIMENTS, "x", e.ExperimentCreated("x", "\0", "", {})),
    ]
    strange = [
        e.Envelope(new_id(), _HUGE, new_id(), 0),
        e.Envelope("", -(2**63), "", 2**63 - 1, "\0" * 1000),
        e.Envelope(new_id(), 0, new_id(), -1),
    ]
    return [
        *((topic, key, _encoded(body)) for topic, key, body in bodies),
        *(
            (topics.RUNS, run, codec.encode(e.Event(envelope, e.TagsSet(run, {"a": "b"}))))
            for envelope in strange
        ),
    ]


def append(servers: str, prefix: str, records: list[Raw]) -> list[Position]:
    """Append records as they are, behind the back of every check; returns where they are."""
    producer = Producer({"bootstrap.servers": servers, "log_level": 0, "message.max.bytes": MAX_RECORD_BYTES})
    positions: dict[int, Position] = {}

    def delivered(number: int, error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        topic = (message.topic() or "").removeprefix(prefix)
        positions[number] = Position(topic, message.partition() or 0, message.offset() or 0)

    for number, (topic, key, value) in enumerate(records):
        producer.produce(prefix + topic, value, key, on_delivery=partial(delivered, number))
    assert producer.flush(120) == 0
    return [positions[number] for number in range(len(records))]


def _encoded(body: e.Body) -> bytes:
    return codec.encode(e.Event(e.Envelope(new_id(), 0, new_id(), 0), body))


def _points(run_id: str, values: list[float], steps: list[int]) -> e.MetricsLogged:
    numbers = np.array(steps, dtype=np.int64)
    index = np.zeros(len(steps), dtype=np.int32)
    return e.MetricsLogged(run_id, "", ("k",), index, numbers, numbers, np.array(values, dtype=np.float64))
