"""How long a launch of a queue is its launcher's alone.

Others take it once nothing was heard of its launcher for three heartbeats. So a launcher whose heartbeats do
not reach the log ends its program half a heartbeat earlier: a launch is never executed by two.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trackstream.projects.recorder import Recorder

OURS_HEARTBEATS = 2.5
LOST_HEARTBEATS = 3.0


def now() -> float:
    """Return seconds on a clock that this machine's processes share, and that goes on while it sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """Ends `OURS_HEARTBEATS` after the last sign of life that the log has acknowledged."""

    def __init__(self, heartbeat_s: float, heard_at: float) -> None:
        """`heard_at` is on the clock `now`, before the sign of life was sent."""
        self._heartbeat_s = heartbeat_s
        self.heard_at = heard_at

    def renew(self, heard_at: float) -> None:
        """Count from a later sign of life."""
        self.heard_at = max(self.heard_at, heard_at)

    def is_over(self) -> bool:
        """Whether others may soon take the launch."""
        return now() > self.heard_at + OURS_HEARTBEATS * self._heartbeat_s


class SignsOfLife:
    """Heartbeats of a launcher, on a thread of their own, which nothing else can hold up.

    With a lease each waits for the log, and `give_up` is called once where the lease is over.
    """

    def __init__(
        self,
        recorder: Recorder,
        heartbeat_s: float,
        lease: Lease | None,
        give_up: Callable[[], None],
    ) -> None:
        self._recorder = recorder
        self._heartbeat_s = heartbeat_s
        self._lease = lease
        self._give_up = give_up
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="trackstream-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for a heartbeat that is under way."""
        self._over.set()

    def _beat(self) -> None:
        # A lease runs since the claim, and much of it may be gone.
        pause = self._heartbeat_s if self._lease is None else 0.0
        while not self._over.wait(pause):
            pause = self._heartbeat_s
            if self._lease is None:
                self._recorder.heartbeat()
            elif not self._renewed(self._lease):
                pause = self._heartbeat_s / 4
                if self._lease.is_over():
                    self._give_up()
                    return

    def _renewed(self, lease: Lease) -> bool:
        sent_at = now()
        try:
            self._recorder.heartbeat_and_wait(self._heartbeat_s / 2)
        except TrackstreamError:
            return False
        # Where this machine slept on the way, others may have taken the launch meanwhile.
        if lease.is_over():
            return False
        lease.renew(sent_at)
        return True
