"""A launch that this machine knows of only through the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream.projects.launch_folder import End
from trackstream_schemas.events import LAUNCH_ENDS

if TYPE_CHECKING:
    from trackstream.projects.store_reads import StoreReads

_ASK_SECONDS = 2.0


class Elsewhere:
    """A launch that another machine executes."""

    def __init__(self, reads: StoreReads, launch_id: str) -> None:
        self._reads = reads
        self._launch_id = launch_id
        self._ask_at = 0.0

    def wait_for_end(self, timeout: float | None = None) -> End | None:
        """Return how it ended, or None where it goes on; asks the store now and then."""
        if time.monotonic() < self._ask_at:
            return None
        self._ask_at = time.monotonic() + _ASK_SECONDS
        launch = self._reads.launch(self._launch_id)
        state = launch["state"]
        if state not in LAUNCH_ENDS:
            return None
        return End(state, launch["exit_code"], launch["reason"])

    def cancel(self) -> None:
        """Ask it to end."""
        self._reads.cancel(self._launch_id, "its sweep was cancelled")
