"""Dead letters with what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.models.dead_letters import DeadLetter, DeadLetters
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.engine import Engine
    from trackstream_schemas.position import Position

# base64 in the engine: the driver would read the bytes of a String as text.
_LETTERS = """
    WITH resolved AS
    (
        SELECT topic, partition, offset, resolution, reason, actor,
            toUnixTimestamp64Milli(resolved_at) AS decided_at
        FROM dead_letter_resolutions FINAL
    )
    SELECT projector, topic, partition, offset, key, base64Encode(value), error_type, error_message,
        toUnixTimestamp64Milli(occurred_at) AS at,
        if(resolution = '', 'open', resolution) AS state, reason, actor,
        if(resolution = '', NULL, decided_at)
    FROM (SELECT * FROM dead_letters FINAL) AS letters
    LEFT JOIN resolved USING (topic, partition, offset)
"""
_NEWEST = "ORDER BY at DESC, topic, partition, offset DESC, projector LIMIT {limit:UInt32}"


def page(engine: Engine, limit: int, state: str) -> DeadLetters:
    """Return the newest records that projectors gave up and that are in this state, or in any for "all"."""
    sql = f"{_LETTERS} WHERE {{state:String}} IN ('all', state) {_NEWEST}"
    found = _letters(engine, sql, {"limit": limit, "state": state})
    return DeadLetters.model_construct(dead_letters=found)


def get(engine: Engine, at: Position) -> DeadLetter:
    """Return the letter of the record at this position, the newest of several. Raises NotFound."""
    where = "WHERE topic = {topic:String} AND partition = {partition:UInt32} AND offset = {offset:UInt64}"
    found = _letters(engine, f"{_LETTERS} {where} {_NEWEST}", {**at._asdict(), "limit": 1})
    if not found:
        raise NotFound(f"no projector gave up a record at {at}")
    return found[0]


def _letters(engine: Engine, sql: str, parameters: Mapping[str, Any]) -> list[DeadLetter]:
    names = tuple(DeadLetter.model_fields)
    return [
        DeadLetter.model_construct(**dict(zip(names, row, strict=True)))
        for row in select(engine, sql, parameters)
    ]
