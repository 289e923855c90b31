"""Starts trainer processes and waits for them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from benchmarks import trainer
from tests.integration.processes import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from benchmarks.trainer import Logged


class Trainers:
    """Some processes of `benchmarks.trainer` that log to one place."""

    def __init__(self, uri: str, count: int, sides: ExitStack, *options: object, **variables: str) -> None:
        """Start them with these options; `--clock`, where it is among them, is for the first alone."""
        self._processes = []
        self._output: list[SimpleQueue[str]] = []
        for number in range(count):
            own = [option for option in options if number == 0 or option != "--clock"]
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.trainer", uri, *map(str, own)],
                stdout=subprocess.PIPE,
                text=True,
                env=environment(**variables),
            )
            sides.callback(process.wait)
            sides.callback(process.kill)
            self._processes.append(process)
            # Taken as it comes: a trainer that finds no room for what it prints would never end.
            lines: SimpleQueue[str] = SimpleQueue()
            threading.Thread(target=_take, args=(process, lines), daemon=True).start()
            self._output.append(lines)

    def run_ids(self) -> list[str]:
        """Return the ids of all runs once all have begun."""
        return [run_id for line in self._lines() for run_id in json.loads(line)]

    @property
    def running(self) -> bool:
        """Whether one of them has not ended."""
        return any(process.poll() is None for process in self._processes)

    def finish(self) -> list[Logged]:
        """Wait for their end and return what each has logged."""
        logged = [trainer.read(line) for line in self._lines()]
        if any(process.wait() for process in self._processes):
            raise RuntimeError("a trainer failed")
        return logged

    def _lines(self) -> Iterator[str]:
        for process, lines in zip(self._processes, self._output, strict=True):
            line = lines.get()
            if not line:
                raise RuntimeError(f"a trainer ended with {process.wait()}")
            yield line


def _take(process: subprocess.Popen[str], lines: SimpleQueue[str]) -> None:
    """Take what it prints; the end is an empty line."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")
