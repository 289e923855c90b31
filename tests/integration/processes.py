"""Real processes for the integration tests: the server, and trainers that log through the SDK."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TRACKSTREAM = Path(sys.executable).parent / "trackstream"
START_LIMIT_S = 90.0


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without Trackstream's settings, plus `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM_")}
    return {**kept, **variables}


class Server:
    """A `trackstream server` process on a directory, with `variables` in its environment.

    Most tests ask the API alone: without `ui` the process starts a second sooner.
    """

    def __init__(self, directory: Path, *, ui: bool = False, **variables: str) -> None:
        self.directory = directory
        self._ui = "--ui" if ui else "--no-ui"
        self._variables = variables
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=60)
        self._output = directory.parent / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the process without waiting for it to answer."""
        command = [
            str(TRACKSTREAM),
            "server",
            "--dir",
            str(self.directory),
            "--port",
            str(self.port),
            self._ui,
        ]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(**self._variables),
                start_new_session=True,
            )

    def start(self) -> Server:
        """Start the process and wait until it answers."""
        self.launch()
        self.wait_until_up()
        return self

    def wait_until_up(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                if self.client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"the server did not come up:\n{self.output()}")

    @property
    def process(self) -> psutil.Process:
        """The running process, to be measured."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def output(self) -> str:
        """Return what the process has printed."""
        return self._output.read_text() if self._output.exists() else ""

    def kill(self) -> None:
        """`kill -9`, at once."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Ask the process to end and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def close(self) -> None:
        """End the process if it still runs."""
        self.client.close()
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def wait_until_current(self, limit_s: float = 180.0) -> None:
        """Wait until everything on the log is projected; a read waits for less than a long backlog takes."""
        until = time.monotonic() + limit_s
        status: Any = None
        while time.monotonic() < until:
            status = self.call("GET", "/api/v1/status", params={"consistency": "eventual"})
            if status["records_behind"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"the projection did not catch up within {limit_s} s: {status}")

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON answer of a request that must succeed."""
        answer = self.client.request(method, path, **options)
        assert answer.is_success, (
            f"{method} {path}: {answer.status_code} {answer.text}\n{self.output()[-2000:]}"
        )
        return answer.json()

    def sql(self, query: str, **parameters: object) -> pa.Table:
        """Return the result of a query as an Arrow table."""
        body = {"query": query, "parameters": parameters, "format": "arrow"}
        answer = self.client.post("/api/v1/sql", json=body)
        assert answer.status_code == 200, answer.text
        return pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()

    def count(self, query: str, **parameters: object) -> int:
        """Return the one number that a query gives."""
        return int(self.sql(query, **parameters).column(0)[0].as_py())


class Process:
    """A program that writes its output to a file; `variables` are what it has of Trackstream's settings."""

    def __init__(self, log: Path, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[2],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(**variables, PYTHONUNBUFFERED="1"),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.code is None

    def output(self) -> str:
        """Return what the process has printed."""
        return self._log.read_text()

    def wait_for(self, mark: str, part: int) -> str:
        """Return the `part` of the line with `mark`, split there, once the process has printed it."""
        until = time.monotonic() + START_LIMIT_S
        while time.monotonic() < until and self.running:
            for line in self.output().splitlines():
                if mark in line:
                    return line.split(mark)[part]
            time.sleep(0.05)
        raise AssertionError(f"the process did not say {mark!r}:\n{self.output()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, where the process still runs."""
        if self.running:
            self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`, of its children too."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float = 60) -> int:
        """Wait for the end, killing a process that takes longer, and return the exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()


def trainer(module: str, *arguments: object, **variables: str) -> subprocess.Popen[str]:
    """Start a test module of this folder as a training process of its own."""
    command = [sys.executable, "-m", f"tests.integration.{module}", *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        command,
        cwd=root,
        env=environment(**variables),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str], timeout: float = 240) -> str:
    """Wait for a trainer that must succeed and return what it printed."""
    output, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return output
