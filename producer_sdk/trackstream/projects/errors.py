"""Errors of projects and launches, all of the tree in trackstream_schemas.errors.

TrackstreamError
├── InvalidInput
│   ├── ProjectInvalid      the project's own files say what cannot be right
│   └── ParameterMissing    a value that must be given was not
├── NotFound
│   └── ProjectNotFound     there is no project at the URI
├── EnvironmentFailed       what the program needs could not be installed
├── LaunchFailed            a launch that was waited for did not finish well
├── SweepFailed             no trial of a sweep gave a value
└── LaunchCancelled         a launch was cancelled
    └── SweepCancelled      a sweep was cancelled, and can be resumed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.errors import InvalidInput, NotFound, TrackstreamError

if TYPE_CHECKING:
    from pathlib import Path


class ProjectInvalid(InvalidInput):
    """A file of the project is wrong at `line` (from 1); says what would be right."""

    def __init__(self, path: Path | str, line: int, field: str, value: object, expected: str) -> None:
        super().__init__(field, value, expected)
        self.path = str(path)
        self.line = line
        self.args = (f"{path}:{line}: {self.args[0]}",)


class ParameterMissing(InvalidInput):
    """A parameter without a default was given no value."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(field, None, expected)
        self.args = (f"{field} is missing: expected {expected}",)


class ProjectNotFound(NotFound):
    """No directory, repository, version or archive of that name."""


class EnvironmentFailed(TrackstreamError):
    """The environment of a project could not be made; the launch's log has the tool's own words."""


class LaunchFailed(TrackstreamError):
    """A launch failed; `run_id` and `launch_id` name it."""

    def __init__(self, launch_id: str, run_id: str, reason: str) -> None:
        self.launch_id = launch_id
        self.run_id = run_id
        self.reason = reason
        super().__init__(f"launch {launch_id} (run {run_id}) {reason}")


class SweepFailed(TrackstreamError):
    """No trial of a sweep gave a value, or the first ones all failed; `run_id` is the sweep's."""

    def __init__(self, run_id: str, reason: str) -> None:
        self.run_id = run_id
        super().__init__(f"sweep {run_id} failed: {reason}")


class LaunchCancelled(TrackstreamError):
    """Somebody cancelled the launch."""

    exit_code = 130


class SweepCancelled(LaunchCancelled):
    """Somebody cancelled the sweep; `run_id` names it for `resume_sweep`."""

    def __init__(self, run_id: str, reason: str) -> None:
        self.run_id = run_id
        super().__init__(f"sweep {run_id} was cancelled: {reason}")
