"""Tells a page what happens to a run while somebody looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nicegui.events import GenericEventArguments


@dataclass(frozen=True)
class Change:
    """What has happened since the last one."""

    topics: frozenset[str]
    """Topics with new events: runs, metrics, artifacts."""
    keys: frozenset[str]
    """Metrics with new points."""

    def __or__(self, other: Change) -> Change:
        return Change(self.topics | other.topics, self.keys | other.keys)


class RunFollower(ui.element, component="run_follower.js", dependencies=["run_stream.js"]):
    """Follows `/api/v1/stream` in the browser; at most four changes a second, and one at a time."""

    def __init__(self, run_id: str, since: int, on_change: Callable[[Change], Awaitable[None]]) -> None:
        """`since` is when what the page shows was read, in milliseconds since the epoch."""
        super().__init__()
        self._props["run-id"] = run_id
        self._props["since"] = str(since)
        self._on_change = on_change
        self._waiting: Change | None = None
        self._busy = False
        self.on("changed", self._changed)

    async def _changed(self, event: GenericEventArguments) -> None:
        told = Change(frozenset(event.args["topics"]), frozenset(event.args["keys"]))
        self._waiting = told if self._waiting is None else self._waiting | told
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting is not None and not self.is_deleted:
                change, self._waiting = self._waiting, None
                await self._on_change(change)
        finally:
            self._busy = False
