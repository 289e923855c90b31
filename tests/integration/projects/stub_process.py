"""A container as a process of this machine: what it prints is kept in pieces, and read while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CODE = "/mlflow/projects/code"


class StubProcess:
    """A program in a process group of its own, in an image's directory."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], image: Path) -> None:
        # There is no file system of its own: what is said to be at CODE is in the directory.
        here = [word.replace(CODE, str(image)) for word in command]
        self._process = subprocess.Popen(
            here,
            cwd=image,
            env={"PATH": os.environ["PATH"], **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.printed: list[tuple[int, bytes]] = []
        """Pieces, each with 1 for standard output or 2 for standard error."""
        self.exit_code: int | None = None
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(number, pipe), daemon=True)
            for number, pipe in ((1, self._process.stdout), (2, self._process.stderr))
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._await, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process that the group is named for."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, and all that it has started."""
        self.signal(signal.SIGKILL)

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end; a signal's number comes as 128 more, as containers tell it."""
        with self._changed:
            self._changed.wait_for(lambda: self.exit_code is not None, seconds)
        return self.exit_code

    def follow(self, on: bool = True) -> Iterator[tuple[int, bytes]]:
        """Yield what it prints, from the start; with `on` until it ends."""
        number = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: not on or self.exit_code is not None or len(self.printed) > number  # noqa: B023
                )
                pieces, over = self.printed[number:], not on or self.exit_code is not None
            yield from pieces
            number += len(pieces)
            if over:
                return

    def when_ended(self, do: Callable[[], object]) -> None:
        """Have something done once it has ended."""

        def later() -> None:
            self.wait()
            do()

        threading.Thread(target=later, daemon=True).start()

    def _read(self, number: int, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        with pipe:
            while piece := os.read(pipe.fileno(), 4096):
                with self._changed:
                    self.printed.append((number, piece))
                    self._changed.notify_all()

    def _await(self) -> None:
        code = self._process.wait()
        # What it has left in its container ends with it.
        self.kill()
        for reader in self._readers:
            reader.join()
        with self._changed:
            self.exit_code = 128 - code if code < 0 else code
            self._changed.notify_all()
