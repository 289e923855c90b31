"""Processes that outlive the one that started them, known by pid and start time."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from trackstream_api.native.errors import StartFailed
from trackstream_schemas.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

# A pid can be given away, but not with the same start time. Two seconds, for a clock that is set between.
_SAME_START = 2.0
# Below Linux's ephemeral ports: no outgoing connection takes the port of a part that is down for a while.
_PORTS = range(20_000, 32_000)
_PAUSE = 0.05

# Children of this process, kept so that they are reaped when they end.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class ProcessId:
    """A process that was started, whether it still runs or not."""

    pid: int
    started: float

    def running(self) -> bool:
        """Whether that very process is alive."""
        return self._process() is not None

    def signal(self, number: int) -> bool:
        """Send a signal, to that very process only; returns whether it was there."""
        process = self._process()
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        return True

    def stop(self, seconds: float) -> bool:
        """Ask the process to end and wait; kill it where it has not ended by then.

        Returns whether it ended by itself.
        """
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self.wait(seconds):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """`kill -9`; returns when the process is gone."""
        self.signal(signal.SIGKILL)
        if not self.wait(30):
            raise Unavailable(f"process {self.pid} is still there 30 s after kill -9")

    def pause(self) -> None:
        """SIGSTOP; returns when the process has stopped running. One that has ended is left alone."""
        self.signal(signal.SIGSTOP)
        until = time.monotonic() + 30
        while (process := self._process()) is not None and process.status() != psutil.STATUS_STOPPED:
            if time.monotonic() > until:
                raise Unavailable(f"process {self.pid} still runs 30 s after SIGSTOP")
            time.sleep(_PAUSE)

    def wait(self, seconds: float) -> bool:
        """Wait for the process to end; returns whether it has."""
        until = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE)
        return True

    def _process(self) -> psutil.Process | None:
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            _children.pop(self.pid, None)
            return None
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > _SAME_START:
                return None
            if process.status() != psutil.STATUS_ZOMBIE:
                return process
            if child is not None:
                child.wait()
                _children.pop(self.pid, None)
            return None
        except psutil.NoSuchProcess:
            return None


def spawn(command: Sequence[str], log: Path, environment: Mapping[str, str], directory: Path) -> ProcessId:
    """Start a program in a session of its own, its output appended to `log`."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=directory,
            start_new_session=True,
        )
    _children[child.pid] = child
    return ProcessId(child.pid, psutil.Process(child.pid).create_time())


def wait_until_healthy(
    part: str, process: ProcessId, healthy: Callable[[], bool], log: Path, seconds: float
) -> None:
    """Return once `healthy` says so; raises StartFailed where the process ends or takes longer."""
    until = time.monotonic() + seconds
    while not healthy():
        if not process.running():
            raise StartFailed(part, "ended while starting", log)
        if time.monotonic() > until:
            raise StartFailed(part, f"did not get healthy within {seconds:g} s", log)
        time.sleep(_PAUSE)


def listening(port: int) -> bool:
    """Whether something accepts connections on the port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(taken: Collection[int] = ()) -> int:
    """Return a port that nothing listens on and that is not in `taken`."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if port not in taken and bindable(port):
            return port
    raise Conflict(f"no free port between {_PORTS.start} and {_PORTS.stop}")


def bindable(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
