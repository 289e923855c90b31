"""What every aggregate shares: its place in the log's order, and what lost a race."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_schemas.events import Envelope
    from trackstream_schemas.position import Position

MAX_CONFLICTS = 1000
"""Conflicts kept one by one on an entity; more are counted in a last entry. The events table has all."""


class Folded(Protocol):
    """The part of a state that tells which events it holds already."""

    @property
    def applied(self) -> Mapping[str, int]:
        """Highest sequence applied per producer."""
        ...

    @property
    def partition(self) -> int:
        """Log partition of the entity."""
        ...

    @property
    def version(self) -> int:
        """Offset + 1 of the last event folded in."""
        ...


def is_repeat(state: Folded | None, envelope: Envelope, at: Position) -> bool:
    """Tell whether the state holds the event already: delivered again, or appended again.

    Raises MalformedEvent where the entity's earlier events lie in another partition, since there is no
    order between two.
    """
    if state is None:
        return False
    if state.partition != at.partition:
        raise MalformedEvent("partition", at.partition, f"{state.partition}, where the entity's events began")
    return at.offset < state.version or envelope.sequence <= state.applied.get(envelope.producer_id, -1)


def conflict(
    conflicts: tuple[str, ...],
    envelope: Envelope,
    at: Position,
    kind: str,
    key: str,
    kept: object,
    rejected: object,
) -> tuple[str, ...]:
    """Return `conflicts` with an entry for what `envelope`'s event wanted and did not get."""
    if len(conflicts) >= MAX_CONFLICTS:
        last = json.loads(conflicts[-1])
        if last["kind"] != "further":
            return (*conflicts, json.dumps({"kind": "further", "count": 1}))
        return (*conflicts[:-1], json.dumps({"kind": "further", "count": last["count"] + 1}))
    entry = {
        "event_id": envelope.event_id,
        "kind": kind,
        "key": key,
        "kept": kept,
        "rejected": rejected,
        "position": str(at),
    }
    return (*conflicts, json.dumps(entry, ensure_ascii=False))
