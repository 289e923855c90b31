"""Where spools are, and the spools of a directory."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from trackstream.delivery import logger
from trackstream.spool import OFFLINE
from trackstream.spool.log import LOCK_SUFFIX, SUFFIX, SpoolLog
from trackstream.spool.ownership import SpoolLock, is_held, take, this_host
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from trackstream.settings import Settings
    from trackstream.spool.log import Facts

_BLOBS = ".blobs"


def spool_directory(settings: Settings, uri: str = "") -> Path:
    """Return the directory in which this process's spools are."""
    if uri.startswith(OFFLINE):
        return Path(uri.removeprefix(OFFLINE))
    if settings.spool_dir is not None:
        return Path(settings.spool_dir).expanduser().absolute()
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "trackstream" / "spool"


def spools_in(directory: Path) -> list[Path]:
    """Return the files of the spools in a directory, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def blobs_of(path: Path) -> DirectoryBlobStore:
    """Return the store of the large contents that the events of the spool at `path` refer to."""
    return DirectoryBlobStore(path.with_suffix(_BLOBS))


def lock_of(path: Path) -> Path:
    """Return the lock file of the spool at `path`."""
    return path.with_suffix(LOCK_SUFFIX)


def owner_alive(path: Path) -> bool:
    """Whether the process that writes the spool at `path` is running on this machine."""
    return is_held(lock_of(path))


def is_original(path: Path, facts: Facts) -> bool:
    """Whether the spool at `path` is the one its producer writes, and not a copy of it."""
    try:
        return facts.host == this_host() and lock_of(path).stat().st_ino == facts.inode
    except FileNotFoundError:
        return False


class OwnedSpool:
    """A spool that this process holds the lock of."""

    def __init__(self, path: Path, log: SpoolLog, lock: SpoolLock) -> None:
        self.path = path
        self.log = log
        self._lock = lock

    @classmethod
    def begin(cls, directory: Path, uri: str, producer_id: str, actor: str) -> OwnedSpool:
        """Make a new spool. Raises StorageFailed where the directory cannot hold one."""
        path = directory / f"{producer_id}{SUFFIX}"
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageFailed(f"cannot make the spool directory {directory}: {error}") from error
        lock = take(lock_of(path), create=True)
        if lock is None:
            raise StorageFailed(f"the spool {path} belongs to another process")
        try:
            return cls(path, SpoolLog.create(path, uri, producer_id, actor, lock.inode), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def take_over(cls, path: Path, *, create: bool = False) -> OwnedSpool | None:
        """Return the spool of a process that has ended, or None where it is alive or the spool gone.

        `create` is for copies that came without a lock file.
        """
        if not path.exists():
            return None
        lock = take(lock_of(path), create=create)
        if lock is None:
            return None
        if not path.exists():
            # Removed by whoever held the lock until now.
            lock.path.unlink(missing_ok=True)
            lock.release()
            return None
        try:
            return cls(path, SpoolLog(path), lock)
        except BaseException:
            lock.release()
            raise

    def leave(self) -> None:
        """Let others forward what is in it."""
        self.log.close()
        self._lock.release()

    def leave_waiting(self, uri: str, points: int, events: int) -> None:
        """Let others forward what is in it to `uri`, and say how much waits."""
        self.leave()
        logger.warning(
            "%d points and %d events are in the spool %s only; the next process that logs to %s under this"
            " user forwards them, or `trackstream sync %s`",
            points,
            events,
            self.path,
            uri,
            self.path.parent,
        )

    def discard(self) -> None:
        """Delete it."""
        self.log.remove()
        shutil.rmtree(self.path.with_suffix(_BLOBS), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self._lock.path.unlink()
        self._lock.release()
