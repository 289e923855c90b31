"""The run that a page shows, and who is told when something of it changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.ui.api import ApiFailure, path_of
from trackstream_api.ui.components.asking import IN_THE_PAST
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trackstream_api.ui.components.run_follower import Change

LIVE = frozenset({"RUNNING", "SCHEDULED"})
SYSTEM = "system/"
"""What the names of system metrics begin with."""


class ShownRun:
    """Made by `read`; `run` is the run as the API told it last."""

    def __init__(self, run_id: str, run: dict[str, Any], read_at: int) -> None:
        self.run_id = run_id
        self.run = run
        self.read_at = read_at
        """Before which everything is in `run`, in milliseconds since the epoch."""
        self._listeners: list[Callable[[Change], Awaitable[None]]] = []

    @classmethod
    async def read(cls, run_id: str) -> ShownRun:
        """Ask for the run. Raises ApiFailure."""
        began = time.time_ns() // 1_000_000
        # Some seconds earlier: clocks differ, and an event that is heard twice only makes a page ask twice.
        return cls(run_id, await api().get(path_of("runs", run_id), as_of=as_of()), began - 3000)

    @property
    def path(self) -> str:
        """The run's path in the API."""
        return path_of("runs", self.run_id)

    @property
    def is_live(self) -> bool:
        """Whether more is to be expected: it goes on, and the present is shown."""
        return as_of() is None and self.run["status"] in LIVE

    @property
    def forbidden(self) -> str:
        """Why nothing of the run can be changed now; empty where it can."""
        if as_of():
            return IN_THE_PAST
        return "The run is deleted: restore it first" if self.run["lifecycle_stage"] == "deleted" else ""

    @property
    def own_metrics(self) -> list[str]:
        """Names of the metrics that are not the system's."""
        return sorted(key for key in self.run["metrics"] if not key.startswith(SYSTEM))

    @property
    def system_metrics(self) -> list[str]:
        """Names of the system's metrics."""
        return sorted(key for key in self.run["metrics"] if key.startswith(SYSTEM))

    def when_changed(self, listener: Callable[[Change], Awaitable[None]]) -> None:
        """Call it after each change, `run` being the newest by then."""
        self._listeners.append(listener)

    async def changed(self, change: Change) -> None:
        """Read the run again and tell everyone."""
        try:
            self.run = await api().get(self.path)
            for listener in self._listeners:
                await listener(change)
        except ApiFailure:
            # The server is away for a moment: what comes next, or a reload, shows the rest.
            return

    async def took(self, run: dict[str, Any], change: Change) -> None:
        """Take the run as an act of this page left it, and tell everyone."""
        self.run = run
        for listener in self._listeners:
            await listener(change)
