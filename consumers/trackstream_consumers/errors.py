"""The consumers' errors, and the control exceptions of a projector.

Control (none ends a consumer; caught by `Consumer`, never seen outside)
├── SlowDown                 the same records again, later
├── DeadLetter               this one record never; the rest goes on
└── TablesSwapped            not these records: begin where the new tables end

TrackstreamError
├── Conflict
│   ├── StoreTooNew          the analytical store was migrated by newer code
│   └── ReplayRefused        the shadow does not hold what the log holds
├── StorageFailed
│   ├── RecordsLost          the log no longer has records that were not projected
│   └── LogBehindProjection  the log ends before what was projected from it: it was replaced
└── TooManyDeadLetters       the code is wrong, not the data: the consumer stopped
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.errors import Conflict, StorageFailed, TrackstreamError

if TYPE_CHECKING:
    from trackstream_schemas.position import Position, TopicPartition


class SlowDown(Exception):
    """What the projector needs (engine, blob store, dead-letter topic) cannot take the records now."""


class DeadLetter(Exception):
    """The record at `position` can never be applied, because of `error`."""

    def __init__(self, position: Position, error: Exception) -> None:
        self.position = position
        self.error = error
        super().__init__(f"{position}: {error}")


class TablesSwapped(Exception):
    """A replay has put other tables in the place of those that this projector began with."""


class TooManyDeadLetters(TrackstreamError):
    """So many records in a row, or so large a share, failed that the code is suspected, not the data."""


class StoreTooNew(Conflict):
    """The analytical store holds migrations that this version does not know."""

    def __init__(self, database: str, found: int, known: int) -> None:
        super().__init__(
            f"the analytical store {database!r} is at migration {found}, this version knows {known}:"
            " use the newer version of trackstream that migrated it"
        )


class ReplayRefused(Conflict):
    """The shadow tables do not hold what the log holds; the live tables were left as they are."""


class RecordsLost(StorageFailed):
    """Records were removed from the log before they were projected."""

    def __init__(self, partition: TopicPartition, expected: int, found: int) -> None:
        self.partition = partition
        self.expected = expected
        self.found = found
        super().__init__(
            f"the log lost records {expected} to {found - 1} of {partition.topic}, partition"
            f" {partition.partition}: they were removed before they were projected"
        )


class LogBehindProjection(StorageFailed):
    """The log is shorter than what was projected from it."""

    def __init__(self, partition: TopicPartition, projected: int, end: int) -> None:
        super().__init__(
            f"{partition.topic}, partition {partition.partition}: the log ends at {end} but records up to"
            f" {projected} were projected: the log was replaced or cut; `trackstream replay` projects what"
            " it holds now"
        )
