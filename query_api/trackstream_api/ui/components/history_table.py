"""The events of a run in a table, which the browser asks the API for."""

from __future__ import annotations

from nicegui import ui


class HistoryTable(ui.element, component="history_table.js", dependencies=["run_stream.js"]):
    """Pages are asked for as they are wanted; each position leads to the run as of then."""

    def __init__(self, run_id: str, follow_since: int | None) -> None:
        """`follow_since`: milliseconds since the epoch; None follows nothing."""
        super().__init__()
        self._props["run-id"] = run_id
        self._props["since"] = "" if follow_since is None else str(follow_since)
