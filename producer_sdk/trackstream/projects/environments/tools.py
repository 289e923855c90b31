"""Programs of others (git, pip, uv, conda) on the way to a launch: shown in its log, ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from concurrent.futures import Future, wait
from typing import IO, TYPE_CHECKING, TypeVar

from trackstream.projects.errors import EnvironmentFailed, LaunchCancelled
from trackstream.projects.watchdog import Watchdog
from trackstream_schemas.secret_texts import without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Result = TypeVar("Result")
_LOOK_SECONDS = 0.2
_SHOWN = 2000


class Tools:
    """Runs programs until `stop` is set; what they print goes to `output`."""

    def __init__(
        self, output: IO[bytes] | int = subprocess.DEVNULL, stop: threading.Event | None = None
    ) -> None:
        self._output = output
        self._stop = stop or threading.Event()

    def say(self, text: str) -> None:
        """Add a line of our own to the log."""
        if not isinstance(self._output, int):
            self._output.write(f"[trackstream] {without_credentials(text)}\n".encode())
            self._output.flush()

    def check(self) -> None:
        """Raise LaunchCancelled where the launch was cancelled."""
        if self._stop.is_set():
            raise LaunchCancelled("cancelled while it was being prepared")

    def pause(self) -> None:
        """Wait for a moment. Raises LaunchCancelled at once where the launch is cancelled meanwhile."""
        self._stop.wait(_LOOK_SECONDS)
        self.check()

    def awaited(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns, or raise what it raises; raises LaunchCancelled as soon as the launch
        is cancelled, and leaves `work` to a thread that ends with this process.

        For what waits for others and cannot be interrupted, such as a download that hardly moves.
        """
        self.check()
        done: Future[Result] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            # Whatever it is: who waits raises it.
            except BaseException as error:  # noqa: BLE001
                done.set_exception(error)

        threading.Thread(target=run, name="trackstream-preparation", daemon=True).start()
        while not wait([done], _LOOK_SECONDS).done:
            self.check()
        return done.result()

    def run(
        self, command: Sequence[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        """Run a program to its end. Raises EnvironmentFailed where it fails, LaunchCancelled."""
        self._run(command, cwd, variables, self._output)

    def answer(
        self, command: Sequence[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> str:
        """Return what a program prints. Raises EnvironmentFailed where it fails, LaunchCancelled."""
        return self._run(command, cwd, variables, subprocess.PIPE)

    def _run(
        self,
        command: Sequence[str],
        cwd: Path | None,
        variables: Mapping[str, str] | None,
        output: IO[bytes] | int,
    ) -> str:
        self.check()
        shown = without_credentials(" ".join(command))
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=None if variables is None else {**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE if output == subprocess.PIPE else subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise EnvironmentFailed(f"{command[0]} cannot be started: {error.strerror}") from error
        with Watchdog(process.pid):
            printed, complaints = self._awaited(process)
        if process.returncode:
            said = without_credentials((complaints or b"").decode(errors="replace").strip())[-_SHOWN:]
            raise EnvironmentFailed(
                f"`{shown}` failed with {process.returncode}{f': {said}' if said else ''}"
            )
        return (printed or b"").decode(errors="replace")

    def _awaited(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """Return what a program prints once it has ended; raises LaunchCancelled, having killed it."""
        try:
            while True:
                try:
                    return process.communicate(timeout=_LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    self.check()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
