"""Workers as processes, and projects for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.processes import TRACKSTREAM, Process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.projects.launching import Launcher

COUNTING = """
name: counting
entry_points:
  main:
    parameters: {place: string, number: int}
    command: "echo {number} >> {place}/done"
"""


class Worker(Process):
    """`trackstream launch-worker` on a launcher's store, as if on the launcher's machine."""

    def __init__(self, launcher: Launcher, *arguments: str) -> None:
        self._number = len(list(launcher.home.glob("worker-*.log")))
        log = launcher.home / f"worker-{self._number}.log"
        command = [str(TRACKSTREAM), "launch-worker", *arguments]
        super().__init__(log, command, launcher.variables)

    def said(self, what: str) -> list[str]:
        """Return the launches of which the worker has said this."""
        lines = [line.split() for line in self.output().splitlines()]
        return [words[2] for words in lines if len(words) > 2 and words[1] == what]


class Counting:
    """A project whose program notes that it ran."""

    def __init__(self, place: Path) -> None:
        self.path = place / "counting"
        self.path.mkdir()
        self.place = place
        (self.path / "MLproject").write_text(COUNTING)

    def arguments(self, number: int) -> list[str]:
        """Return the arguments of `trackstream run`."""
        return [str(self.path), "-P", f"place={self.place}", "-P", f"number={number}"]

    def done(self) -> list[int]:
        """Return which programs have run, each as often as it did."""
        path = self.place / "done"
        return sorted(map(int, path.read_text().split())) if path.exists() else []
