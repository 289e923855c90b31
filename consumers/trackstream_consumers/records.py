"""A log record with its event decoded and checked against the place where it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_schemas import codec, routing
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.events import MetricsLogged

if TYPE_CHECKING:
    from trackstream_consumers.log.port import LogRecord
    from trackstream_schemas.events import Event
    from trackstream_schemas.position import Position


class Record(NamedTuple):
    """What a projector is given."""

    position: Position
    key: str
    event: Event
    message: bytes
    """The event as it stands on the log."""


class Item(NamedTuple):
    """A record of a batch, as it was read and as it was understood."""

    raw: LogRecord
    record: Record | None
    """None where it was given up."""


def rows_of(item: Item) -> int:
    """Return about how many rows a record becomes: a row a point, else one."""
    if item.record is not None and isinstance(item.record.event.body, MetricsLogged):
        return len(item.record.event.body)
    return 1


def decode_record(record: LogRecord) -> Record:
    """Return the record with its event.

    Raises MalformedEvent where the bytes are no event, or one that belongs to another topic or key: an
    entity's events are ordered only within the partition that its key leads to.
    """
    event = codec.decode(record.value)
    envelope = event.envelope
    topic, key = routing.topic_of(event.body), routing.key_of(event.body)
    if topic != record.position.topic:
        raise MalformedEvent("topic", record.position.topic, f"{topic}, where {_name(event)} belongs")
    if key != record.key:
        raise MalformedEvent("record key", record.key, f"{key!r}, the entity that the event is about")
    if not 0 <= envelope.sequence < 2**63:
        raise MalformedEvent("envelope.sequence", envelope.sequence, "a count from 0")
    return Record(record.position, record.key, event, record.value)


def _name(event: Event) -> str:
    return type(event.body).__name__
