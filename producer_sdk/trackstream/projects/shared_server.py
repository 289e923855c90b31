"""A server on a store directory for as long as any launch of this machine needs one.

A program that was written for MLflow asks an http server, and a directory that nobody serves has none. Each
launch holds a shared lock on a file of the directory; the process that runs the server waits for the whole
lock, which it gets when the last launch is over, however it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from trackstream import directory_server
from trackstream.projects.marked_processes import VARIABLE

if TYPE_CHECKING:
    from types import TracebackType

_LOCK_FILE = "launches.lock"
_START_LOCK_FILE = "launches-server.lock"
_START_SECONDS = 90.0
_LOOK_SECONDS = 0.2
_STOP_SECONDS = 30.0
_HELD_SECONDS = 30.0
"""How long another command may keep a directory before a launch does without a server."""
_AGAIN_SECONDS = 0.5
_SERVE = "import sys; from trackstream.projects.shared_server import main; sys.exit(main(sys.argv[1]))"
_MOST_SAID = 500


class ServerForLaunch:
    """The address of a server on the store at `uri` while the block lasts; None where there can be none."""

    def __init__(self, uri: str, errors: Path) -> None:
        """What a server that this starts has to complain about goes to the file `errors`."""
        self._uri = uri
        self._errors = errors
        self._hold: int | None = None
        self.address: str | None = None
        self.why = ""
        """Why there is no address, where it is known."""
        self.temporary = False
        """Whether that server ends with the launches that need it."""

    def __enter__(self) -> Self:
        if self._uri.startswith(("http://", "https://")):
            self.address = self._uri
        elif "://" not in self._uri and not self._uri.startswith("offline:"):
            directory = Path(self._uri)
            self._hold = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            said_before = self._errors.stat().st_size if self._errors.exists() else 0
            self.address = _served(directory, self._errors)
            if self.address is None:
                self.why = _last_line(self._errors, said_before)
            self.temporary = _is_temporary(directory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None


def _served(directory: Path, errors: Path) -> str | None:
    """Return the address of the server that holds a directory, started where there is none."""
    known = directory_server.address_of(directory)
    if known is not None or importlib.util.find_spec("trackstream_api") is None:
        return known
    # One launch at a time starts one.
    with (directory / _START_LOCK_FILE).open("w") as starting, contextlib.closing(starting):
        fcntl.flock(starting, fcntl.LOCK_EX)
        known = directory_server.address_of(directory)
        if known is not None:
            return known
        give_up_at = time.monotonic() + _HELD_SECONDS
        while True:
            known = _started(directory, errors) or directory_server.address_of(directory)
            if known is not None or time.monotonic() > give_up_at:
                return known
            # A command may hold the directory, which is over soon.
            time.sleep(_AGAIN_SECONDS)


def _started(directory: Path, errors: Path) -> str | None:
    """Start a server and return its address; None where it ends before it has one."""
    with errors.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            # It is not a part of the program that may ask for it: others need it, too.
            env={name: value for name, value in os.environ.items() if name != VARIABLE},
            start_new_session=True,
        )
    # It may end before this process does, which nobody else here waits for.
    threading.Thread(target=process.wait, name="trackstream-shared-server", daemon=True).start()
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        known = directory_server.address_of(directory, _STOP_SECONDS)
        if known is not None:
            return known
        time.sleep(_LOOK_SECONDS)
    return None


def _last_line(errors: Path, offset: int) -> str:
    """Return the last line of what a server that could not start has said behind `offset`."""
    with contextlib.suppress(OSError), errors.open("rb") as said:
        said.seek(offset)
        lines = said.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:_MOST_SAID]
    return ""


def _is_temporary(directory: Path) -> bool:
    """Whether the server that holds a directory was started by `main`, which notes it in the lock."""
    holder = directory_server.holder_pid(directory)
    try:
        return holder is not None and int((directory / _LOCK_FILE).read_text() or 0) == holder
    except (OSError, ValueError):
        return False


def main(place: str) -> int:
    """Serve the directory `place` until no launch holds the lock any more."""
    # A Ctrl-C is for those who launch; this ends when they have.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    directory = Path(place)
    command = "import sys; from trackstream_api.cli import main; sys.argv[0] = 'trackstream'; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", command, "server", "--dir", str(directory), "--port", "0"],
        stdin=subprocess.DEVNULL,
    )
    handle = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(server.pid).encode(), 0)
    while server.poll() is None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
    return server.wait()
