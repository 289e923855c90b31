"""Errors of the native stack.

TrackstreamError
└── Unavailable
    ├── ToolMissing    a program that the stack is built or run with is not installed
    ├── InstallFailed  a build or a download failed
    └── StartFailed    a part ended, or did not get healthy in time
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

_TAIL = 1500


class ToolMissing(Unavailable):
    """A program is not on the PATH."""

    def __init__(self, program: str, needed_for: str) -> None:
        super().__init__(f"{program} is not on the PATH; {needed_for} needs it")


class InstallFailed(Unavailable):
    """A build or a download ended with an error."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(f"{what} could not be installed: …{output[-_TAIL:].strip()}")


class StartFailed(Unavailable):
    """A part did not come up; the message ends with the end of its log."""

    def __init__(self, part: str, reason: str, log: Path) -> None:
        try:
            tail = log.read_text(errors="replace")[-_TAIL:].strip()
        except OSError:
            tail = ""
        super().__init__(f"{part} {reason}; its log {log} ends: {tail or '(empty)'}")
