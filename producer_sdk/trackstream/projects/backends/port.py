"""What executes programs: the interface that a backend implements.

A launcher (`supervisor`) has fetched the project and reads it; the backend makes ready what the program runs
in, starts it, and tells how it ended. A backend knows nothing of the log. To add one, name a function without
arguments that returns it as an entry point of the group `trackstream.project_backends`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from trackstream.projects.command_line import command_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trackstream.projects.command_line import Arguments
    from trackstream.projects.environments.tools import Tools
    from trackstream.projects.project_file import EntryPoint, Project
    from trackstream.projects.request import Request


@dataclass(frozen=True, slots=True)
class Work:
    """A launch as it is to be executed."""

    request: Request
    project: Project
    entry_point: EntryPoint
    arguments: Arguments
    """Values of parameters; those of type `path` are on this machine, downloaded where they were URIs."""
    folder: Path
    """Of this launch; the backend may put files there."""
    variables: Mapping[str, str]
    """What the program finds in its environment: where to log and under which run."""

    def command(self) -> str:
        """Return the command for a shell in the project's directory."""
        return command_of(self.entry_point, self.arguments)


@dataclass(frozen=True, slots=True)
class Ready:
    """Something that a program can run in."""

    environment: str
    """virtualenv, uv, conda, local, docker …"""
    environment_key: str | None = None
    image: str | None = None
    details: Any = field(default=None)
    """The backend's own."""


class Program(Protocol):
    """A program that was started. All methods are called on one thread, in the launcher's process."""

    @property
    def handle(self) -> str:
        """How a person finds it: a process id and host, a container's or a job's name."""
        ...

    def begin(self) -> None:
        """Let it go: its start is on the log. Before this it must not have done anything of its own."""
        ...

    def wait(self, timeout: float) -> int | None:
        """Wait at most so many seconds for its end.

        Returns its exit code (minus the signal's number where one ended it), or None while it runs.
        """
        ...

    def send(self, number: int) -> None:
        """Pass a signal on to all of it. SIGTERM and SIGINT ask it to end."""
        ...

    def kill(self) -> None:
        """End all of it at once."""
        ...

    def close(self) -> None:
        """Release what is left, the program having ended or not begun."""
        ...


class Backend(Protocol):
    """One way to execute programs."""

    def check(self, request: Request) -> None:
        """Raise InvalidInput for what this backend cannot do; before anything is recorded, and quickly."""
        ...

    def prepare(self, work: Work, tools: Tools) -> Ready:
        """Make ready what the program runs in. Raises EnvironmentFailed, ProjectInvalid, LaunchCancelled."""
        ...

    def start(self, work: Work, ready: Ready, output: Path) -> Program:
        """Start the program in the project's directory; what it prints is appended to `output` as it comes.

        It waits for `begin`. Raises EnvironmentFailed.
        """
        ...


class EndsLeftOvers(Protocol):
    """A backend whose programs do not die with the launcher; see `left_over`."""

    def end_left_over(self, found_by: Mapping[str, Any]) -> None:
        """End the program that a dead launcher noted, if it is there. Raises EnvironmentFailed.

        Called again for what has ended long ago, and by several processes at the same time.
        """
        ...
