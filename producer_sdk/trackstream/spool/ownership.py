"""Who writes a spool: a lock that ends with the process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from typing import TYPE_CHECKING

from trackstream.after_fork import call_in_child
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from pathlib import Path


class SpoolLock:
    """Held from construction until `release` or the end of the process; a forked child does not hold it."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.inode = os.fstat(handle).st_ino
        self._handle = handle
        # The lock belongs to the open file, which a child shares: it would outlive the parent.
        call_in_child(self.release)

    def release(self) -> None:
        """Let others have it."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.release()


def take(path: Path, *, create: bool = False) -> SpoolLock | None:
    """Return the lock, or None where another holds it or there is none.

    Raises StorageFailed where the file cannot be made or opened.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailed(f"cannot lock the spool {path}: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return SpoolLock(path, handle)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock now."""
    if not path.exists():
        return False
    lock = take(path)
    if lock is None:
        return True
    lock.release()
    return False


def this_host() -> str:
    """Return the name by which spools remember the machine that made them."""
    return socket.gethostname()
