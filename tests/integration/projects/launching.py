"""Projects for tests, and what is needed to launch and to kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil

from tests.integration.processes import TRACKSTREAM, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMIT_S = 120.0
WAITING = """
name: waiting
entry_points:
  main:
    parameters:
      place: {type: string, default: .}
      code: {type: int, default: 0}
    command: "bash wait.sh {place} {code}"
"""
WAIT = """
# Until there is a file "go"; what it starts beside itself waits for ever.
sleep 86400 &
echo "beside $!" > "$1/started.new"
echo "waiting $$" >> "$1/started.new"
trap 'echo "asked to end"; echo asked > "$1/asked"; exit 7' TERM INT
mv "$1/started.new" "$1/started"
echo "begun with $2"
while [ ! -e "$1/go" ]; do sleep 0.05; done
echo "done"
exit "$2"
"""


def until(what: str, look: Callable[[], Any]) -> Any:
    """Return what `look` finds once it finds something."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {LIMIT_S:.0f} s")


class Launcher:
    """The command line on one store, with launches' directories of its own under `home`."""

    def __init__(self, store: Path, home: Path, **variables: str) -> None:
        self.store = store
        self.home = home
        self.cwd: Path | None = None
        """Where `command` is run; None: here."""
        self.variables = {
            "TRACKSTREAM_URI": str(store),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "NO_COLOR": "1",
            **variables,
        }

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run `trackstream` to its end, which must be with this code, and return what it printed."""
        done = subprocess.run(
            [TRACKSTREAM, *arguments],
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=300,
            cwd=self.cwd,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `trackstream` and leave it running."""
        return subprocess.Popen(
            [TRACKSTREAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            start_new_session=True,
        )

    def detached(self, *arguments: str) -> str:
        """Launch with --detach and return the launch's id."""
        return self.command("run", *arguments, "--detach").strip()

    def describe(self, launch_id: str) -> Any:
        """Return a launch as `launches describe` shows it."""
        return json.loads(self.command("launches", "describe", launch_id, "--output", "json"))

    def ended(self, launch_id: str) -> Any:
        """Return a launch once it is over."""

        def over() -> Any:
            found = self.describe(launch_id)
            return found if found["state"] in ("finished", "failed", "cancelled") else None

        return until(f"the end of launch {launch_id}", over)

    def folder(self, launch_id: str) -> Path:
        """Return the directory of a launch."""
        return self.home / "state" / "trackstream" / "launches" / launch_id

    def the_one_folder(self) -> Path:
        """Return the directory of the only launch there has been, once it is executed."""
        found: list[Path] = until("a launch", lambda: list(self.folder("x").parent.glob("*/pid")))
        return found[0].parent

    def supervisor(self, launch_id: str) -> int:
        """Return the process that executes a launch."""
        return int(until("a supervisor", lambda: self._pid(launch_id)))

    def _pid(self, launch_id: str) -> str | None:
        path = self.folder(launch_id) / "pid"
        return path.read_text() if path.exists() else None

    def _environment(self) -> dict[str, str]:
        return environment(**self.variables)


class Waiting:
    """A project whose program waits until it is told to go on."""

    def __init__(self, place: Path) -> None:
        self.path = place / "project"
        self.path.mkdir()
        self.place = place
        (self.path / "MLproject").write_text(WAITING)
        (self.path / "wait.sh").write_text(WAIT)

    def arguments(self, code: int = 0) -> list[str]:
        """Return the arguments of `trackstream run`."""
        return [str(self.path), "-P", f"place={self.place}", "-P", f"code={code}"]

    def started(self) -> list[int]:
        """Return the processes of the program once it runs."""
        path = self.place / "started"
        until("the program's start", path.exists)
        return [int(line.split()[1]) for line in path.read_text().splitlines()]

    def go(self) -> None:
        """Let the program end."""
        (self.place / "go").touch()


def kill(pid: int) -> None:
    """`kill -9`."""
    os.kill(pid, signal.SIGKILL)


def gone(pids: list[int]) -> bool:
    """Whether none of these processes runs any more."""
    return not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
