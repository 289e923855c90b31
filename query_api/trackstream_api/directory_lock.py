"""One process at a time works in a store directory: a lock that the kernel drops when the holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from trackstream_schemas.errors import Conflict, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "server.lock"
_TRIES = 4
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a directory."""

    pid: int
    kind: str
    """"server" or "cli"."""
    url: str | None
    """Where it answers; None where it has not said (yet) or serves nobody but itself."""
    started_at: int
    """Milliseconds since the epoch."""

    def __str__(self) -> str:
        where = f", answering at {self.url}" if self.url else ""
        return f"process {self.pid} ({self.kind}{where})"


class DirectoryHeld(Conflict):
    """Another process works in the directory; `holder` says who, as far as it has said."""

    def __init__(self, directory: Path, holder: Holder | None) -> None:
        self.directory = directory
        self.holder = holder
        who = str(holder) if holder else "another process"
        super().__init__(f"{directory} is in use by {who}; stop it, or use another directory")


class DirectoryLock:
    """Held from construction to `release`."""

    def __init__(self, directory: Path, kind: str) -> None:
        """Take the lock of `directory`, which is made where it is missing.

        Raises DirectoryHeld at once where another process has it, and StorageFailed where the
        directory cannot be written.
        """
        self._path = directory / FILE_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageFailed(f"cannot write to the directory {directory}: {error.strerror}") from error
        try:
            _lock(self._handle)
        except BlockingIOError:
            os.close(self._handle)
            raise DirectoryHeld(directory, _told(self._path)) from None
        except OSError as error:
            os.close(self._handle)
            raise StorageFailed(f"cannot lock the directory {directory}: {error.strerror}") from error
        self._holder = Holder(os.getpid(), kind, None, time.time_ns() // 1_000_000)
        self._tell(self._holder)

    def publish(self, url: str) -> None:
        """Let others know where this process answers."""
        self._holder = Holder(self._holder.pid, self._holder.kind, url, self._holder.started_at)
        self._tell(self._holder)

    def release(self) -> None:
        """Give the directory free. The file stays: removing it would let two holders in at once."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1

    def _tell(self, holder: Holder) -> None:
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps(asdict(holder)).encode(), 0)
        except OSError as error:
            os.close(self._handle)
            self._handle = -1
            raise StorageFailed(f"cannot write {self._path}: {error.strerror}") from error


def holder_of(directory: Path) -> Holder | None:
    """Return who holds a directory now, or None where nobody does."""
    path = directory / FILE_NAME
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(path) or Holder(0, "unknown", None, 0)
    finally:
        os.close(handle)
    return None


def _lock(handle: int) -> None:
    """Take the lock, or raise BlockingIOError; a moment's patience for those who only look (`holder_of`)."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_PAUSE_SECONDS)
    return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _told(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
