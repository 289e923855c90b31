"""The test's side of the nursery: trainer processes that are told what to do, and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.processes import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE_S = 120.0


class TrainerGone(Exception):
    """The process has ended."""


class Trainer:
    """One trainer process and what was asked of it; a call that returned is in `done`."""

    def __init__(self, socket_path: str, uri: str, settings: Mapping[str, Any], link: str) -> None:
        self.settings = dict(settings)
        self.link = link
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(_PATIENCE_S)
        self._connection.connect(socket_path)
        self._lines = self._connection.makefile("r")
        hello = self._ask({"uri": uri, "settings": self.settings, "link": link})
        self.pid: int = hello["pid"]
        self.producer_id: str = hello["producer_id"]
        self.ended: str | None = None
        """How: `killed`, `closed` without a loss, or `closed with losses`."""

    def do(self, what: str, **how: Any) -> Any:
        """Give an order and return the answer. Raises TrainerGone."""
        answer = self._ask({"what": what, **how})
        if what == "link":
            self.link = how["state"]
        elif what == "close":
            self.ended = "closed" if answer else "closed with losses"
            self._wait_for_end()
        return answer

    def begin(self, what: str, **how: Any) -> None:
        """Give an order without waiting for the answer, right before a kill."""
        self._connection.sendall(json.dumps({"what": what, **how}).encode() + b"\n")

    def kill(self) -> None:
        """`kill -9`, and wait until it has taken effect."""
        os.kill(self.pid, signal.SIGKILL)
        self.ended = "killed"
        self._wait_for_end()

    def _ask(self, order: Mapping[str, Any]) -> Any:
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise TrainerGone(f"the trainer ended at {order}")
        return json.loads(line)

    def _wait_for_end(self) -> None:
        """The connection ends with the process, whatever it still had to say."""
        try:
            while self._lines.readline():
                pass
        except ConnectionError:
            pass
        self._lines.close()
        self._connection.close()


class Nursery:
    """Makes trainers. Close it; without that it ends with this process."""

    def __init__(self) -> None:
        # A socket's path must be short.
        self._directory = tempfile.TemporaryDirectory(prefix="trackstream-nursery-")
        self._path = Path(self._directory.name) / "socket"
        variables = {"OPENBLAS_NUM_THREADS": "1", "XDG_STATE_HOME": self._directory.name}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.schedules.nursery", str(self._path)],
            cwd=Path(__file__).parents[3],
            env=environment(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def trainer(self, uri: str, settings: Mapping[str, Any], link: str = "up") -> Trainer:
        """Return a new trainer; `link` is the state of its way to the log once it has opened the log."""
        return Trainer(str(self._path), uri, settings, link)

    def close(self) -> None:
        """End it; trainers that still live end with their connections."""
        self._process.communicate(timeout=_PATIENCE_S)
        self._directory.cleanup()
