"""A log for the consumers' tests: records written by plain SQL, since consumers know no writer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_schemas import codec, routing, sqlite_layout
from trackstream_schemas.events import Body, DeadLettered, Envelope, Event
from trackstream_schemas.ids import new_id
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def now_ms() -> int:
    """The wall clock, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class DirectLog:
    """Appends to the log file at `path`; makes it with `partitions` partitions a topic.

    `clock` tells when the log takes a record.
    """

    def __init__(self, path: Path, partitions: int = 1, clock: Callable[[], int] = now_ms) -> None:
        self.path = path
        self._clock = clock
        self._partitions = partitions
        self._sequences: dict[str, int] = {}
        sqlite_layout.create(path, partitions)
        self._connection = sqlite_layout.connect(path)

    def close(self) -> None:
        self._connection.close()

    def event(self, body: Body, producer: str = "producer", at: int = 1_700_000_000_000) -> Event:
        """Return the producer's next event."""
        sequence = self._sequences.get(producer, 0)
        self._sequences[producer] = sequence + 1
        return Event(Envelope(new_id(), at + sequence, producer, sequence, "someone"), body)

    def log(self, *bodies: Body, producer: str = "producer") -> list[Position]:
        """Append new events with these bodies in one transaction."""
        return self.append(*(self.event(body, producer) for body in bodies))

    def append(self, *events: Event) -> list[Position]:
        """Append events as they are."""
        return self.append_raw(
            *(
                (routing.topic_of(event.body), routing.key_of(event.body), codec.encode(event))
                for event in events
            )
        )

    def append_raw(self, *records: tuple[str, str, bytes]) -> list[Position]:
        """Append (topic, key, value) records in one transaction."""
        positions = []
        self._connection.execute("BEGIN IMMEDIATE")
        for topic, key, value in records:
            partitions = sqlite_layout.partitions_of(topic, self._partitions)
            partition = sqlite_layout.partition_of(key, partitions)
            where = (topic, partition)
            (offset,) = self._connection.execute(
                "SELECT next_offset FROM partitions WHERE topic = ? AND partition = ?", where
            ).fetchone()
            self._connection.execute(
                f"INSERT INTO {sqlite_layout.table_of(topic)} VALUES (?, ?, ?, ?, ?)",
                (partition, offset, key, value, self._clock()),
            )
            self._connection.execute(
                "UPDATE partitions SET next_offset = ? WHERE topic = ? AND partition = ?",
                (offset + 1, *where),
            )
            positions.append(Position(topic, partition, offset))
        self._connection.execute("COMMIT")
        return positions

    def remove(self, topic: str, below: int) -> None:
        """Remove the first records of a topic, as a damaged disk or a retention rule may."""
        table = sqlite_layout.table_of(topic)
        self._connection.execute(f"DELETE FROM {table} WHERE offset < ?", (below,))

    def dead_letters(self, letter: DeadLettered) -> None:
        """What a consumer is given to put dead letters on the log."""
        self.log(letter, producer="consumer")
