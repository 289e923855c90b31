"""Locks on files that are asked for without blocking, so that who waits can be cancelled."""

from __future__ import annotations

import fcntl
from typing import IO, Any


def taken(file: IO[Any]) -> bool:
    """Take the whole lock on an open file if nobody else has it; returns whether this process has it now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
