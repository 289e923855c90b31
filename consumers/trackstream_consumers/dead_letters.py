"""When giving records up is right, and when it is a sign that the code is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_consumers.errors import TooManyDeadLetters
from trackstream_schemas.errors import MalformedEvent, UnknownSchema
from trackstream_schemas.events import DeadLettered

if TYPE_CHECKING:
    from trackstream_consumers.errors import RecordsLost
    from trackstream_consumers.log.port import LogRecord
    from trackstream_schemas.position import Position


@dataclass(frozen=True)
class DeadLetterLimits:
    """How much may fail before the consumer stops."""

    in_a_row: int = 100
    """Records one behind the other that the code failed on. Damaged ones do not count here: whoever can
    append could otherwise stop the projection for everybody."""
    share: float = 0.5
    """Of all records since the start, damaged ones included ..."""
    share_from: int = 1000
    """... once there were so many."""


class DeadLetterCount:
    """Counts good and bad records of one stage of a consumer."""

    def __init__(self, limits: DeadLetterLimits) -> None:
        self._limits = limits
        self._in_a_row = 0
        self._bad = 0
        self._all = 0

    def good(self, records: int = 1) -> None:
        """Count records that went through."""
        if records:
            self._in_a_row = 0
            self._all += records

    def bad(self, position: Position, error: Exception) -> None:
        """Count one that did not. Raises TooManyDeadLetters beyond the limits."""
        if not isinstance(error, MalformedEvent) or isinstance(error, UnknownSchema):
            self._in_a_row += 1
        self._bad += 1
        self._all += 1
        limits = self._limits
        if self._in_a_row > limits.in_a_row:
            what = f"{self._in_a_row} records in a row"
        elif self._all >= limits.share_from and self._bad > limits.share * self._all:
            what = f"{self._bad} of {self._all} records"
        else:
            return
        raise TooManyDeadLetters(
            f"{what} could not be projected, the last at {position} ({type(error).__name__}: {error}):"
            " stopped, since it is likelier that the code is wrong than all of them"
        )


def dead_letter(projector: str, record: LogRecord, error: Exception) -> DeadLettered:
    """Return the event that tells that `projector` gave `record` up because of `error`."""
    return DeadLettered(
        projector=projector,
        source_topic=record.position.topic,
        source_partition=record.position.partition,
        source_offset=record.position.offset,
        key=record.key,
        value=record.value,
        error_type=type(error).__name__,
        error_message=str(error),
    )


def loss_letter(projector: str, loss: RecordsLost) -> DeadLettered:
    """Return the event that tells that `projector` went on behind records that the log no longer has.

    It stands at the first of them, without key and value.
    """
    return DeadLettered(
        projector=projector,
        source_topic=loss.partition.topic,
        source_partition=loss.partition.partition,
        source_offset=loss.expected,
        key="",
        value=b"",
        error_type=type(loss).__name__,
        error_message=str(loss),
    )
