"""One launch that a worker executes, in a process that dies with it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from trackstream.projects.launch import started_supervisor
from trackstream.projects.launch_folder import folder_of_attempt
from trackstream.projects.recovery import settle
from trackstream.projects.request import as_json
from trackstream.projects.submitted import SubmittedRun
from trackstream.projects.watchdog import Watchdog
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    import subprocess

    from trackstream.projects.launch_folder import End
    from trackstream.projects.request import Request

_KILLED_SECONDS = 10.0


class Execution:
    """Begins with its making. Should this process die, however, the whole launch ends with it."""

    def __init__(
        self, request: Request, uri: str, claim_id: str, attempt: int, heartbeat_s: float, leased_at: float
    ) -> None:
        """`leased_at` is on the clock `lease.now`, before the claim was sent. Raises StorageFailed."""
        self.request = request
        self.claim_id = claim_id
        self.attempt = attempt
        self.began_at = time.monotonic()
        self.folder = folder_of_attempt(request.launch_id, attempt)
        lock = self.folder.create(
            {
                "uri": uri,
                # Where the worker was started means nothing to who has asked.
                "cwd": str(self.folder.path),
                "claim_id": claim_id,
                "attempt": attempt,
                "heartbeat_s": heartbeat_s,
                "leased_at": leased_at,
                "request": as_json(request),
            }
        )
        try:
            self._process: subprocess.Popen[bytes] = started_supervisor(self.folder.path, lock)
        finally:
            os.close(lock)
        self._watchdog = Watchdog(self._process.pid)

    def is_over(self) -> bool:
        """Whether its process has ended."""
        if self._process.poll() is None:
            return False
        self._watchdog.close()
        return True

    def end(self) -> End | None:
        """Return how it ended, once it is over and that is on the log; None where it was given up."""
        if not self.folder.is_recorded():
            with contextlib.suppress(TrackstreamError, OSError):
                # Its process was killed. What cannot be said now is said the next time (`settle_all`).
                return settle(self.folder)
        return self.folder.end()

    def cancel(self) -> None:
        """Have it end as cancelled."""
        SubmittedRun(self.request.run_id, self.folder).send(signal.SIGTERM)

    def kill(self) -> None:
        """End all of it at once, and say nothing of it: another has it."""
        self.folder.note_recorded()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_KILLED_SECONDS)
