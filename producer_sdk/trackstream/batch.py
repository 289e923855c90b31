"""What the producer's buffer holds, and what its thread takes out of it for one append."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from trackstream_schemas.events import Body, WriterState
    from trackstream_schemas.position import Position


@dataclass(slots=True, eq=False)
class Item:
    """Events that go into one append together."""

    bodies: Sequence[Body]
    actor: str
    weight: int
    """Bytes in memory, about."""
    run_id: str
    """Whom to count them for when they are lost."""
    acknowledged: Future[list[Position]] | None
    """Somebody waits for them."""


class ReportWanted(NamedTuple):
    """A writer of a run is to say what it has sent, once it has sent what was logged before."""

    run_id: str
    writer: str
    state: WriterState
    after_points: int


@dataclass(slots=True)
class Batch:
    """One append: either all its items have somebody who waits, or none has (then with points)."""

    items: list[Item]
    points: bytes
    reports: list[ReportWanted] = field(default_factory=list)
    """To be made when the rest is stamped, so that they count it."""

    @property
    def is_waited_for(self) -> bool:
        """Whether callers wait for the acknowledgement, and take the error if there is one."""
        return bool(self.items) and self.items[0].acknowledged is not None
