"""What the store keeps of the log itself: history by entity."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from trackstream_api.queries.execution import select
from trackstream_consumers.records import Record
from trackstream_schemas import codec
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine


def records(engine: Engine, topic: str, entity_id: str | None = None) -> list[Record]:
    """Return an entity's records, or with None those of all entities of the topic, in log order."""
    sql = """
        SELECT partition, offset, entity_id, base64Encode(message) FROM events FINAL
        WHERE topic = {topic:String} AND entity_id = ifNull({id:Nullable(String)}, entity_id)
        ORDER BY partition, offset
    """
    found = []
    for partition, offset, key, encoded in select(engine, sql, {"topic": topic, "id": entity_id}):
        message = base64.b64decode(encoded)
        found.append(Record(Position(topic, partition, offset), key, codec.decode(message), message))
    return found


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
