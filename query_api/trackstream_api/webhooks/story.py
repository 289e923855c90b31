"""What an event changed: its entity just before and just after it, folded from the entity's own events.

The tables tell how an entity is now; by the time of a delivery that may be something else. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trackstream_schemas.events import Event


class _State(Protocol):
    @property
    def conflicts(self) -> tuple[str, ...]:
        """What lost a race, in log order."""
        ...


State = TypeVar("State", bound=_State)


def around(
    fold: Callable[[State | None, Event, Position], State], events: Iterable[Event], event_id: str
) -> tuple[State | None, State] | None:
    """Return the state before and after the event with this id, given all events of its entity in log order.

    None where it is not among them, or where it lost a race and changed nothing.
    """
    state: State | None = None
    for offset, event in enumerate(events):
        try:
            # Only their order matters here, not where on the log they stand.
            after = fold(state, event, Position("", 0, offset))
        except MalformedEvent:
            continue
        if event.envelope.event_id == event_id:
            lost = len(after.conflicts) > (len(state.conflicts) if state is not None else 0)
            return None if lost else (state, after)
        state = after
    return None
