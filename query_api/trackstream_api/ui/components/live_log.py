"""What a launch prints, as it comes."""

from __future__ import annotations

from nicegui import ui


class LiveLog(ui.element, component="live_log.js", dependencies=["run_stream.js"]):
    """Reads the log from the API in the browser, and what is new while the launch goes on."""

    def __init__(self, launch_id: str, run_id: str, *, live: bool, none: str) -> None:
        """`none` is shown where nothing was printed yet."""
        super().__init__()
        self._props["launch-id"] = launch_id
        self._props["run-id"] = run_id
        self._props["live"] = live
        self._props["none"] = none

    def set_live(self, *, live: bool, none: str) -> None:
        """Say that the launch goes on, or is over."""
        self.props["live"] = live
        self.props["none"] = none
