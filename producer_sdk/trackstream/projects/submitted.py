"""A launch that was submitted, as the process that asked for it sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from trackstream.projects.recovery import settle
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from trackstream.projects.launch_folder import End, LaunchFolder
    from trackstream_schemas.events import RunStatus

CANCELS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end a launch."""
_LOOK_SECONDS = 0.1
_STATUS: dict[str, RunStatus] = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class SubmittedRun:
    """A launch on this machine, which goes on whatever becomes of this process.

    Named for MLflow's class of that name (mlflow.projects.SubmittedRun).
    """

    reused = False
    """Whether nothing was launched, since an earlier launch had done the same."""

    def __init__(self, run_id: str, folder: LaunchFolder) -> None:
        self.run_id = run_id
        """The run that it logs into."""
        self.folder = folder

    def __repr__(self) -> str:
        try:
            status: str = self.get_status()
        except TrackstreamError:
            status = "unknown"
        return f"<{type(self).__name__} launch_id={self.launch_id!r} run_id={self.run_id!r} status={status}>"

    @property
    def launch_id(self) -> str:
        """The launch's id."""
        return self.folder.launch_id

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; returns whether it has ended and finished well."""
        end = self.wait_for_end(timeout)
        return end is not None and end.outcome == "finished"

    def wait_for_end(self, timeout: float | None = None) -> End | None:
        """Wait for the end and return how it was; None where `timeout` seconds were over before."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.folder.is_held():
            if deadline is not None and time.monotonic() > deadline:
                return None
            time.sleep(_LOOK_SECONDS)
        return settle(self.folder)

    def get_status(self) -> RunStatus:
        """Return RUNNING, FINISHED, FAILED or KILLED."""
        end = self.folder.end()
        if end is None:
            if self.folder.is_held():
                return "RUNNING"
            end = settle(self.folder)
        return _STATUS[end.outcome]

    def cancel(self) -> None:
        """Ask it to end; the program gets SIGTERM, and some seconds later SIGKILL. `wait` waits for that."""
        self.send(signal.SIGTERM)

    def send(self, number: int) -> None:
        """Send a signal to the process that executes the launch: SIGTERM, SIGINT and SIGHUP cancel it,
        SIGUSR1 and SIGUSR2 reach the program.
        """
        if number in CANCELS and self.folder.path.exists():
            # It may not be there yet, or not listen yet.
            self.folder.ask_to_end(number)
        pid = self.folder.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class ReusedRun(SubmittedRun):
    """The run of an earlier launch, finished well, that stands for one which was not necessary."""

    reused = True

    def wait_for_end(self, timeout: float | None = None) -> End | None:
        """Return the end at once."""
        from trackstream.projects.launch_folder import End

        return End("finished", 0)

    def get_status(self) -> RunStatus:
        """Return FINISHED."""
        return "FINISHED"

    def send(self, number: int) -> None:
        """Do nothing: it is over."""
