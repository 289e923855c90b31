"""A program in a container of Docker's."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from trackstream.projects.backends import left_over
from trackstream.projects.backends.docker_client import connect, docker_errors, told
from trackstream.projects.errors import EnvironmentFailed

if TYPE_CHECKING:
    from pathlib import Path

_AGAIN_SECONDS = 1.0
_LAST_OUTPUT_SECONDS = 10.0
_GIVE_UP_SECONDS = 300.0
"""How long Docker may be away before the launch is given up."""


class DockerProgram:
    """A container; see `backends.port.Program`."""

    def __init__(self, client: Any, name: str, folder: Path, output: Path) -> None:
        self._client = client
        self._name = name
        self._folder = folder
        self._output = output
        self._watchdog = left_over.watchdog(folder)
        self._closed = threading.Event()
        self._away_since: float | None = None
        self._sent: int | None = None
        self._reader = threading.Thread(target=self._read_output, name="trackstream-docker-log", daemon=True)

    @property
    def handle(self) -> str:
        return f"container {self._name}"

    def begin(self) -> None:
        with told(f"the container {self._name} cannot be started"):
            self._client.start(self._name)
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        import docker
        import requests  # type: ignore[import-untyped,unused-ignore]

        began = time.monotonic()
        try:
            answer = self._client.wait(self._name, timeout=max(timeout, 0.1))
        except docker.errors.NotFound as error:
            if self._sent is not None:
                return -self._sent
            raise EnvironmentFailed(
                f"the container {self._name} was removed by somebody; how its program ended is not known"
            ) from error
        except docker_errors() as error:
            # The second is how it comes where the time is over after the first bytes of the answer.
            if isinstance(error, requests.exceptions.ReadTimeout) or "Read timed out" in str(error):
                self._away_since = None
            else:
                self._note_away(error)
                time.sleep(max(0.0, timeout - (time.monotonic() - began)))
            return None
        self._reader.join(_LAST_OUTPUT_SECONDS)
        self._tell_why()
        return int(answer["StatusCode"])

    def send(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            self._sent = number
        try:
            self._client.kill(self._name, signal=signal.Signals(number).name)
        except docker_errors():
            # It has ended, or Docker is away, which `wait` tells.
            return

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    def close(self) -> None:
        self._closed.set()
        try:
            remove(self._client, self._name)
        except EnvironmentFailed as error:
            # The note stays, and whoever comes next tries again.
            self._say(str(error))
        else:
            left_over.forget(self._folder)
        if self._reader.is_alive():
            self._reader.join(_LAST_OUTPUT_SECONDS)
        self._watchdog.close()
        self._client.close()

    def _note_away(self, error: Exception) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._say(f"Docker does not answer ({error}); trying again")
        elif now - self._away_since > _GIVE_UP_SECONDS:
            raise EnvironmentFailed(
                f"Docker has not answered for {_GIVE_UP_SECONDS:.0f} s; what became of the container"
                f" {self._name} is not known"
            ) from error

    def _tell_why(self) -> None:
        try:
            state = self._client.inspect_container(self._name)["State"]
        except docker_errors():
            return
        if state.get("OOMKilled"):
            self._say("the program was killed since it had used up its memory (-A memory=…)")
        if state.get("Error"):
            self._say(f"Docker says: {state['Error']}")

    def _read_output(self) -> None:
        """Append what the program prints; where Docker is away for a moment, from where it had stopped."""
        written = 0
        with self._output.open("ab", buffering=0) as output:
            while not self._closed.is_set():
                skip = written
                try:
                    # It waits as long as the program is quiet.
                    with closing(connect(timeout=None)) as client:
                        for piece in client.logs(self._name, stream=True, follow=True):
                            new = piece[skip:]
                            skip = max(0, skip - len(piece))
                            output.write(new)
                            written += len(new)
                        if not client.inspect_container(self._name)["State"].get("Running"):
                            return
                except docker_errors(EnvironmentFailed, OSError):
                    pass
                self._closed.wait(_AGAIN_SECONDS)

    def _say(self, text: str) -> None:
        with self._output.open("ab") as output:
            output.write(f"[trackstream] {text}\n".encode())


def remove(client: Any, name: str) -> None:
    """Kill a container if it runs, and remove it if it is there. Raises EnvironmentFailed."""
    import docker

    with told(f"the container {name} cannot be removed"):
        try:
            client.remove_container(name, v=True, force=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            # Somebody else is at it.
            if error.status_code != 409:
                raise
