"""A length of time that grows while one looks at it."""

from __future__ import annotations

from nicegui import ui


class Ticking(ui.element, component="ticking.js"):
    """The time from `start` to `end`, or to now where there is no end; milliseconds since the epoch."""

    def __init__(self, start: int, end: int | None = None) -> None:
        super().__init__()
        self._props["start"] = start
        self.end(end)

    def end(self, moment: int | None) -> None:
        """Stop at this moment; None goes on."""
        self._props["end"] = moment
        self.update()
