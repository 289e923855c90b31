"""The directories of launches that are over: which of them are kept on this machine, and for how long.

The log has all of a launch, its run what it printed; the directory only saves asking for that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream.projects.backends import left_over
from trackstream.projects.launch_folder import folders, launches_directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream.projects.launch_folder import LaunchFolder

_DAY_S = 24 * 3600
GRACE_S = 3600.0
"""So long an end stays in any case: somebody may wait for it."""
_GONE = ".gone-"


@dataclass(frozen=True, slots=True)
class Ended:
    """A launch whose end is on the log."""

    at: float
    """When that was put there, seconds since the epoch."""
    name: str


def forgettable(ended: Sequence[Ended], now: float, keep_days: float, keep_newest: int) -> list[str]:
    """Return the names of those that ended more than `keep_days` ago, or that are not among the newest
    `keep_newest`; none that ended within GRACE_S.
    """
    newest_first = sorted(ended, key=lambda one: (one.at, one.name), reverse=True)
    return [
        one.name
        for place, one in enumerate(newest_first)
        if now - one.at > GRACE_S and (place >= keep_newest or now - one.at > keep_days * _DAY_S)
    ]


def forget_old(keep_days: float, keep_newest: int) -> list[str]:
    """Remove directories of launches that ended long ago, or before many others; returns their names.

    Only one process at a time does it; others go on without. A launch that is executed, not yet recorded, or
    whose container may still run stays.
    """
    place = launches_directory()
    if not place.is_dir():
        return []
    with (place / ".forget.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        for rest in place.glob(f"{_GONE}*"):
            shutil.rmtree(rest, ignore_errors=True)
        known = {folder.path.name: folder for folder in list(folders())}
        ended = [one for folder in known.values() if (one := _ended(folder)) is not None]
        names = forgettable(ended, time.time(), keep_days, keep_newest)
        return [name for name in names if _forget(known[name])]


def _ended(folder: LaunchFolder) -> Ended | None:
    try:
        at = (folder.path / "recorded").stat().st_mtime
    except OSError:
        return None
    return None if left_over.is_noted(folder.path) else Ended(at, folder.path.name)


def _forget(folder: LaunchFolder) -> bool:
    held = folder.take()
    if held is None:
        return False
    try:
        # Gone at once for everybody who looks, and then in peace.
        gone = folder.path.with_name(f"{_GONE}{folder.path.name}")
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(held)
    return True
