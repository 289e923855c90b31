"""All processes of a program, wherever they have gone: found by a variable that they inherit.

A process that has left its program's group (`setsid`, a daemon) still has the environment that it began
with. Linux shows it in /proc; elsewhere nothing is found. Executed as a file of its own, without the library,
by the watchdog of a program whose launcher has died:

    python marked_processes.py MARK
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

VARIABLE = "TRACKSTREAM_PROGRAM_ID"
_PROCESSES = Path("/proc")
_PAUSE_SECONDS = 0.05
_SECONDS = 10.0
"""How long the system may take to end what was killed."""


def marked(mark: str) -> list[int]:
    """Return the processes of this user that run with VARIABLE set to `mark`."""
    entry = f"{VARIABLE}={mark}".encode()
    found = []
    with contextlib.suppress(OSError):
        for place in _PROCESSES.iterdir():
            if not place.name.isdecimal():
                continue
            # Gone by now, or another user's.
            with contextlib.suppress(OSError):
                if entry in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
    return found


def kill_marked(mark: str) -> None:
    """Kill them, and those that they start meanwhile, until none is left."""
    deadline = time.monotonic() + _SECONDS
    while (found := [pid for pid in marked(mark) if pid != os.getpid()]) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    kill_marked(sys.argv[1])
