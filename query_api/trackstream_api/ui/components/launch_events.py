"""Tells a page what happens to launches while somebody looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nicegui.events import GenericEventArguments


class LaunchEvents(ui.element, component="launch_events.js", dependencies=["run_stream.js"]):
    """Follows the launches' topic in the browser; `on_change` is called at most four times a second."""

    def __init__(self, on_change: Callable[[], Awaitable[None]], launch_id: str | None = None) -> None:
        """With a `launch_id` only what concerns that launch."""
        super().__init__()
        if launch_id is not None:
            self._props["launch-id"] = launch_id
        self._on_change = on_change
        self._waiting = False
        self._busy = False
        self.on("changed", self._changed)

    async def _changed(self, _: GenericEventArguments) -> None:
        self._waiting = True
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting and not self.is_deleted:
                self._waiting = False
                await self._on_change()
        finally:
            self._busy = False
