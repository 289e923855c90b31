"""Starts trainer processes and waits for them."""

from __future__ import annotations

import json
import subprocess
import sys
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
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"a trainer ended with {process.wait()}")
            yield line
