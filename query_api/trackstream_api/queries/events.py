"""What the store keeps of the log itself: history by entity, and dead letters."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from trackstream_api.models.admin import DeadLetter, DeadLetters
from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine


def messages(engine: Engine, topic: str, entity_id: str) -> list[bytes]:
    """Return an entity's events in log order, as they stand on the log."""
    # base64 in the engine: the driver would read the bytes of a String as text.
    sql = """
        SELECT base64Encode(message) FROM events FINAL
        WHERE topic = {topic:String} AND entity_id = {id:String}
        ORDER BY partition, offset
    """
    rows = select(engine, sql, {"topic": topic, "id": entity_id})
    return [base64.b64decode(row[0]) for row in rows]


def dead_letters(engine: Engine, limit: int) -> DeadLetters:
    """Return the newest records that projectors gave up."""
    sql = """
        SELECT projector, topic, partition, offset, key, base64Encode(value), error_type, error_message,
            toUnixTimestamp64Milli(occurred_at) AS at
        FROM dead_letters FINAL
        ORDER BY at DESC, topic, partition, offset DESC, projector LIMIT {limit:UInt32}
    """
    names = tuple(DeadLetter.model_fields)
    found = [
        DeadLetter.model_construct(**dict(zip(names, row, strict=True)))
        for row in select(engine, sql, {"limit": limit})
    ]
    return DeadLetters.model_construct(dead_letters=found)
