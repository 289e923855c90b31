"""What is on a SQLite log, read without any code of the SDK's."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from trackstream_schemas import codec, topics
from trackstream_schemas.events import MetricsLogged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trackstream_schemas.events import Event


class Stored(NamedTuple):
    """A record of an event topic."""

    topic: str
    partition: int
    offset: int
    key: str
    event: Event


class Point(NamedTuple):
    """A metric point; the value as its 64 bits, so that NaN equals NaN and -0.0 is not 0.0."""

    run_id: str
    key: str
    step: int
    timestamp: int
    bits: int


def bits(value: float) -> int:
    """Return a float's 64 bits."""
    number: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return number


def stored(directory: Path) -> list[Stored]:
    """Return all events on the log in a directory store."""
    found = []
    with contextlib.closing(sqlite3.connect(directory / "log.db")) as connection:
        for topic in topics.EVENT_TOPICS:
            rows = connection.execute(
                f'SELECT partition, offset, key, value FROM "{topic}" ORDER BY partition, offset'
            )
            found += [Stored(topic, *row[:3], codec.decode(row[3])) for row in rows]
    return found


def bodies(directory: Path, kind: type) -> list[Any]:
    """Return the bodies of one class, in log order."""
    return [record.event.body for record in stored(directory) if isinstance(record.event.body, kind)]


def points(directory: Path) -> list[Point]:
    """Return all metric points, in log order."""
    found = []
    for batch in bodies(directory, MetricsLogged):
        columns = (batch.key_index.tolist(), batch.steps.tolist(), batch.timestamps.tolist())
        for index, step, timestamp, value in zip(*columns, batch.values.tolist(), strict=True):
            found.append(Point(batch.run_id, batch.keys[index], step, timestamp, bits(value)))
    return found


def assert_sequences_whole(records: Iterable[Stored]) -> None:
    """Each producer's sequences count from 0 without a gap, each once, and rise along each partition."""
    by_producer: dict[str, list[int]] = {}
    highest: dict[tuple[str, str, int], int] = {}
    for record in records:
        envelope = record.event.envelope
        by_producer.setdefault(envelope.producer_id, []).append(envelope.sequence)
        place = (envelope.producer_id, record.topic, record.partition)
        assert envelope.sequence > highest.get(place, -1), f"{record} is out of order"
        highest[place] = envelope.sequence
    for producer, sequences in by_producer.items():
        assert sorted(sequences) == list(range(len(sequences))), producer


def assert_none_lost_or_doubled(found: Iterable[Any], expected: Iterable[Any]) -> None:
    """Both hold the same items, each as often."""
    have, want = Counter(found), Counter(expected)
    assert not want - have, f"lost: {list((want - have).elements())[:5]}"
    assert not have - want, f"too many: {list((have - want).elements())[:5]}"
