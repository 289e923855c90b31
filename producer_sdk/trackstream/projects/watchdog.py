"""Does what is left to do when this process dies, however it dies."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from trackstream.projects import marked_processes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_SCRIPT = 'read -r _; "$@"'
"""Waits for the end of standard input, which nobody but its parent holds open."""


class OnDeath:
    """A small process in a session of its own that runs `command` once its parent is dead; until `close`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Call it off."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Watchdog(OnDeath):
    """Kills the process group `group` once its parent is dead, then what has `mark` in other groups.

    `close` must come before the group's number can be given to others.
    """

    def __init__(self, group: int, mark: str | None = None) -> None:
        kill = ["kill", "-s", "KILL", "--", f"-{group}"]
        if mark is None:
            super().__init__(kill)
            return
        search = [sys.executable, "-I", "-S", marked_processes.__file__, mark]
        super().__init__(["/bin/sh", "-c", f'{shlex.join(kill)}; exec "$@"', "sh", *search])
