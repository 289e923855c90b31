"""Moments as people write them, and the cut through the log that each stands for.

The log's own clock counts, the time at which it took a record; what producers think of the time does not.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from trackstream_api.log_places import is_position, parse_position, parse_vector
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, NotFound, Unavailable
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trackstream_consumers.log.port import LogReader

RIGHT = (
    "now, a time (2026-11-21T13:00, milliseconds since the epoch, or 10m for ten minutes ago),"
    " or topic:partition:offset[,…]"
)
_AGO = re.compile(r"(\d{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MILLIS = re.compile(r"\d{10,15}")
_LOOK_SECONDS = 10.0
_FOR_EVER = 2**62
"""Milliseconds: by then the log has taken all that it holds."""

Cut = dict[TopicPartition, int]
"""For each partition the first offset that is no longer in."""


class LogClock(Protocol):
    """The part of a store that tells when the log took what."""

    def open_reader(self, topics: Sequence[str]) -> LogReader:
        """Return a reader of all partitions of these topics, which belongs to the caller."""
        ...

    def offsets_at(self, millis: int) -> Mapping[TopicPartition, int]:
        """Return for every partition the first offset that the log took at or after this time."""
        ...


@dataclass(frozen=True)
class Moment:
    """A moment: at a time, at some positions, or (with neither) now."""

    millis: int | None = None
    positions: tuple[Position, ...] = ()

    @property
    def is_now(self) -> bool:
        """Whether nothing is cut off."""
        return self.millis is None and not self.positions


NOW = Moment()


def parse_moment(text: str, field: str) -> Moment:
    """Return the moment that `text` names. Raises InvalidInput."""
    text = text.strip()
    if text == "now":
        return NOW
    if parts := [part.strip() for part in text.split(",")]:
        if all(map(is_position, parts)):
            positions = tuple(parse_position(part, field) for part in parts)
            if len({position.topic_partition for position in positions}) < len(positions):
                raise InvalidInput(field, text, "each partition at most once")
            return Moment(positions=positions)
        if any(map(is_position, parts)):
            raise InvalidInput(field, text, RIGHT)
    if found := _AGO.fullmatch(text):
        return Moment(_now() - 1000 * int(found[1]) * _SECONDS[found[2]])
    if _MILLIS.fullmatch(text):
        return Moment(int(text))
    try:
        # A time without a zone is the reader's own, as every clock on the wall is.
        time_ = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, text, RIGHT) from error
    return Moment(int(time_.timestamp() * 1000))


def cut_through(moment: Moment, log: LogClock, field: str) -> Cut | None:
    """Return what was on the log at the moment, as the end of each partition; None stands for all of it.

    A position is the last record that is in. Partitions that no position names are cut at the time when the
    log took the latest of those records. Raises InvalidInput for a time that is still to come, and for a
    position where no record is.
    """
    if moment.is_now:
        return None
    if moment.millis is not None:
        if moment.millis > _now():
            raise InvalidInput(field, moment.millis, "a time that is not in the future")
        return dict(log.offsets_at(moment.millis + 1))
    ends = log.offsets_at(_FOR_EVER)
    for position in moment.positions:
        end = ends.get(position.topic_partition, 0)
        if position.offset >= end:
            last = f"the last one is {position.topic}:{position.partition}:{end - 1}"
            right = f"the position of a record; {last if end else 'that partition holds none'}"
            raise InvalidInput(field, str(position), right)
    latest = max(appended_at(log, position) for position in moment.positions)
    cut = dict(log.offsets_at(latest + 1))
    return cut | {at.topic_partition: at.offset + 1 for at in moment.positions}


def cut_at(text: str, log: LogClock, field: str, wanted: Collection[str]) -> Cut | None:
    """Return what of the topics `wanted` was on the log at the moment that `text` names; None: it is now.

    Besides what `parse_moment` knows, `text` may be such a cut itself, as `log_places.vector_text` writes it;
    it is taken as it is. Raises InvalidInput as `cut_through` does, and for a moment before the log's first
    record.
    """
    if "=" in text:
        return _exact_cut(text, log, field, wanted)
    cut = cut_through(parse_moment(text, field), log, field)
    if cut is None:
        return None
    if not any(cut.values()):
        raise InvalidInput(field, text, f"a moment at or after the log's beginning, {_beginning(log)}")
    return {at: end for at, end in cut.items() if at.topic in wanted}


def _exact_cut(text: str, log: LogClock, field: str, wanted: Collection[str]) -> Cut:
    given = parse_vector(text, field)
    ends = {at: end for at, end in log.offsets_at(_FOR_EVER).items() if at.topic in wanted}
    for at, end in ends.items():
        if at not in given:
            raise InvalidInput(field, text, f"an offset for partition {at.partition} of {at.topic} as well")
        if given[at] > end:
            raise InvalidInput(
                field, text, f"at most {end} for partition {at.partition} of {at.topic}, where the log ends"
            )
    return {at: given[at] for at in ends}


def _beginning(log: LogClock) -> str:
    """Return when the log took its first record, as text: a store makes its default experiment first."""
    found = [
        appended_at(log, Position(*at, 0))
        for at, end in log.offsets_at(_FOR_EVER).items()
        if at.topic == topics.EXPERIMENTS and end
    ]
    if not found:
        return "when it will have taken a record"
    return datetime.fromtimestamp(min(found) / 1000, UTC).isoformat(timespec="milliseconds")


def start_from(moment: Moment, log: LogClock) -> Cut:
    """Return where to read on from to get what the log took at the moment or later.

    A position is the first record wanted; partitions that no position names begin at the time when the log
    took the earliest of those records. Raises NotFound for a position where no record is.
    """
    if moment.millis is not None:
        return dict(log.offsets_at(moment.millis))
    earliest = min((appended_at(log, position) for position in moment.positions), default=_now())
    start = dict(log.offsets_at(earliest))
    return start | {at.topic_partition: at.offset for at in moment.positions}


def appended_at(log: LogClock, position: Position) -> int:
    """Return when the log took the record at this position, milliseconds since the epoch. Raises NotFound."""
    reader = log.open_reader([position.topic])
    try:
        partition = position.topic_partition
        if position.offset >= reader.end().get(partition, 0):
            raise NotFound(f"the log has no record at {position}")
        reader.pause([other for other in reader.assigned() if other != partition])
        reader.seek({partition: position.offset})
        found = reader.poll(1, _LOOK_SECONDS)
    finally:
        reader.close()
    if not found:
        raise Unavailable(f"the log did not give the record at {position} within {_LOOK_SECONDS:g} s")
    return found[0].appended_at


def _now() -> int:
    return time.time_ns() // 1_000_000
