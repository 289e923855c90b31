"""What can be done about a dead letter: append its record again, or say that it is not wanted.

Both end as an event on the dead-letters topic, so that a replay knows of it too.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from trackstream.log.port import EncodedEvent
from trackstream_api.barrier import reading
from trackstream_api.models.dead_letters import DeadLetterDetail, DeadLetterResolution
from trackstream_api.queries import dead_letters as letters
from trackstream_api.stream.rendering import rendered
from trackstream_consumers.log.port import LogRecord
from trackstream_consumers.projectors.entities import AGGREGATES
from trackstream_consumers.records import decode_record
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import Conflict, MalformedEvent, NotFound
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.models.dead_letters import DeadLetter, Resolve
    from trackstream_api.store import Store

FOLDED = frozenset(aggregate.topic for aggregate in AGGREGATES)
"""Topics whose events are recognised by their producer's sequences."""


@contextmanager
def reading_letters(store: Store, consistency: str = "strong") -> Iterator[dict[str, str]]:
    """As `reading`, of the dead letters of all that is on the log when this is called.

    A projector puts a letter on the log while it comes past the record: to have come past is not enough.
    """
    if consistency == "strong":
        store.barrier.wait(topics.EVENT_TOPICS)
    with reading(store, (topics.DEAD_LETTERS,), consistency) as headers:
        yield headers


def show(letter: DeadLetter) -> DeadLetterDetail:
    """Return the letter with its record, read as far as this version can read it."""
    value = base64.b64decode(letter.value)
    schema = event = unreadable = None
    try:
        found = codec.schema_of(value)
        schema = f"{found.event_name} v{found.version}"
        event = rendered(_record_of(letter), points=True)
        decode_record(_record_of(letter))
    except MalformedEvent as error:
        unreadable = str(error)
    return DeadLetterDetail(letter=letter, schema_name=schema, event=event, unreadable=unreadable)


def retry(store: Store, at: Position, request: Resolve) -> DeadLetterResolution:
    """Append the record again, mark the letter, and return whether the record went through this time.

    Repeating it after a failure halfway does no harm. Raises NotFound; Conflict where the letter was retried
    before or its record still cannot be read.
    """
    with store.deciding():
        letter = _open_letter(store, at, ("open", "dropped"))
        event = event_to_retry(letter)
        (position,) = store.log.append([event]).result()
        _mark(store, at, "retried", request)
    with reading_letters(store):
        again = _was_given_up(store, position)
        letter = letters.get(store.engine, at)
    return DeadLetterResolution(letter=letter, position=str(position), given_up_again=again)


def drop(store: Store, at: Position, request: Resolve) -> DeadLetterResolution:
    """Mark the letter as not wanted. Raises NotFound, or Conflict where it is resolved already."""
    with store.deciding():
        _open_letter(store, at, ("open",))
        _mark(store, at, "dropped", request)
    with reading_letters(store):
        letter = letters.get(store.engine, at)
    return DeadLetterResolution(letter=letter, position=None, given_up_again=False)


def event_to_retry(letter: DeadLetter) -> EncodedEvent:
    """Return the event to append for a letter: the same bytes wherever these will be applied.

    A fold takes an event for a repeat once it has applied a later one of the same producer, which by now may
    well have happened. So an entity's event gets another producer: one that has only this event, and that
    follows from the position, which makes a second retry a repeat. Raises Conflict where the record cannot
    be read, since it would only be given up once more.
    """
    try:
        record = decode_record(_record_of(letter))
    except MalformedEvent as error:
        raise Conflict(
            f"the record at {_position(letter)} cannot be retried, it still cannot be read: {error}"
        ) from error
    value = record.message
    if letter.topic in FOLDED:
        producer = hashlib.blake2b(f"retry of {_position(letter)}".encode(), digest_size=16).hexdigest()
        envelope = replace(record.event.envelope, producer_id=producer, sequence=0)
        value = codec.encode(e.Event(envelope, record.event.body))
    return EncodedEvent(letter.topic, letter.key, value)


def _open_letter(store: Store, at: Position, states: tuple[str, ...]) -> DeadLetter:
    with reading_letters(store):
        letter = letters.get(store.engine, at)
    if letter.state not in states:
        by = f" by {letter.resolved_by}" if letter.resolved_by else ""
        raise Conflict(f"the dead letter {at} has been {letter.state} already{by}")
    return letter


def _mark(store: Store, at: Position, resolution: e.Resolution, request: Resolve) -> None:
    resolved = e.DeadLetterResolved(*at, resolution, request.reason)
    store.producer.emit_and_wait([resolved], actor=request.actor)


def _was_given_up(store: Store, position: Position) -> bool:
    try:
        letters.get(store.engine, position)
    except NotFound:
        return False
    return True


def _position(letter: DeadLetter) -> Position:
    return Position(letter.topic, letter.partition, letter.offset)


def _record_of(letter: DeadLetter) -> LogRecord:
    return LogRecord(_position(letter), letter.key, base64.b64decode(letter.value), letter.occurred_at)
