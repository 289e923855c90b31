"""The directory that a launch has on the machine that executes it.

Its name is the launch's id; behind a dot the number of the attempt, where a worker took it from a queue.

spec.json     what to do, with the values of secret parameters: for this user only, removed at the end
lock          held by whoever executes the launch, and by nobody once that is dead
pid           who that is
cancel        the signal by which somebody here has asked for its end
output.log    what the program, and what was done for it before, printed
end.json      how it ended, from the moment that is known
recorded      there once the end is on the log
project/      the files of a project that was fetched
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_schemas.events import LaunchOutcome


@dataclass(frozen=True, slots=True)
class End:
    """How a launch ended."""

    outcome: LaunchOutcome
    exit_code: int | None = None
    reason: str = ""


class LaunchFolder:
    """Paths and small files of one launch; nothing is made before `create`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def launch_id(self) -> str:
        """The launch's id."""
        return self.path.name.partition(".")[0]

    @property
    def output(self) -> Path:
        """What was printed."""
        return self.path / "output.log"

    @property
    def project(self) -> Path:
        """Where a project's files are fetched to."""
        return self.path / "project"

    def create(self, spec: dict[str, Any]) -> int:
        """Make the directory and return its lock, held, as a file descriptor. Raises StorageFailed."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Under another name until the lock is held: nobody must take it for one whose launcher is dead.
            new = LaunchFolder(self.path.with_name(f".{self.path.name}"))
            new.path.mkdir(mode=0o700)
            lock = os.open(new.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.output.touch()
            new._write("spec.json", spec)
            new.path.rename(self.path)
        except OSError as error:
            raise StorageFailed(
                f"cannot make the directory {self.path} of a launch: {error.strerror}"
            ) from error
        return lock

    def spec(self) -> dict[str, Any]:
        """Return what to do."""
        found: dict[str, Any] = json.loads((self.path / "spec.json").read_text())
        return found

    def is_held(self) -> bool:
        """Whether whoever executes the launch is alive."""
        handle = self._locked()
        if handle is None:
            return (self.path / "lock").exists()
        os.close(handle)
        return False

    def take(self) -> int | None:
        """Return the lock of a launch whose launcher is dead, as a file descriptor, or None."""
        return self._locked()

    def _locked(self) -> int | None:
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def note_pid(self, pid: int) -> None:
        """Say who executes the launch."""
        self._write("pid", pid)

    def pid(self) -> int | None:
        """Return who executes the launch, if it is alive."""
        try:
            pid = int((self.path / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self.is_held() else None

    def ask_to_end(self, number: int) -> None:
        """Ask whoever executes the launch, or is about to, to end it as by this signal."""
        self._write("cancel", number)

    def asked_to_end(self) -> int | None:
        """Return the signal by which somebody has asked for the end, if anybody has."""
        try:
            return int((self.path / "cancel").read_text())
        except (OSError, ValueError):
            return None

    def note_end(self, end: End) -> None:
        """Keep how it ended; whoever comes later puts it on the log if this process dies before."""
        self._write("end.json", asdict(end))

    def end(self) -> End | None:
        """Return how it ended, where that is known."""
        try:
            return End(**json.loads((self.path / "end.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def note_recorded(self) -> None:
        """Say that the end is on the log, and remove what nobody needs any more."""
        (self.path / "recorded").touch()
        (self.path / "spec.json").unlink(missing_ok=True)

    def is_recorded(self) -> bool:
        """Whether the end is on the log."""
        return (self.path / "recorded").exists()

    def forget_project(self) -> None:
        """Remove the files that were fetched."""
        shutil.rmtree(self.project, ignore_errors=True)

    def _write(self, name: str, content: Any) -> None:
        path = self.path / f"{name}.new"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        path.rename(self.path / name)


def launches_directory() -> Path:
    """Return where the directories of this user's launches are, in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "trackstream" / "launches"


def folder_of(launch_id: str) -> LaunchFolder:
    """Return the directory of a launch, which may not be there; of several attempts the last one's."""
    path = launches_directory() / launch_id
    attempts = [] if path.exists() else list(path.parent.glob(f"{launch_id}.*"))
    return LaunchFolder(max(attempts, key=lambda found: int(found.suffix[1:]), default=path))


def folder_of_attempt(launch_id: str, attempt: int) -> LaunchFolder:
    """Return the directory of an attempt, counted from 1, at a launch of a queue."""
    return LaunchFolder(launches_directory() / f"{launch_id}.{attempt}")


def folders() -> Iterator[LaunchFolder]:
    """Yield the directories of the launches of this machine, oldest first."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(launches_directory().iterdir()):
            if not path.name.startswith("."):
                yield LaunchFolder(path)
