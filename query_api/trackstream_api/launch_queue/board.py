"""How a worker sees its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trackstream.projects.request import Request
    from trackstream_api.launch_queue.decision import Seen


class Board(Protocol):
    """The launches of one queue that are not over. Used by one thread."""

    def look(self, timeout: float, claimed: Collection[str], running: Collection[str]) -> Sequence[Seen]:
        """Return them, the oldest request first, waiting up to `timeout` seconds for something new.

        What is seen is what the log held when this was called, or newer. Of launches that somebody has only
        those in `claimed` must be told, and now and then those in `running`. Raises Unavailable where that
        cannot be known now.
        """
        ...

    def unfinished(self) -> Sequence[Seen]:
        """Return all of them, whoever has them, as of the last look or newer.

        Raises Unavailable like `look`.
        """
        ...

    def request(self, launch_id: str) -> Request:
        """Return what one of them asks for."""
        ...

    def close(self) -> None:
        """Release the connection."""
        ...
