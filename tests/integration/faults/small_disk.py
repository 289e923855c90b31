"""A file system of its own for the front's engine, which a test can fill and free."""

from __future__ import annotations

import resource
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.stack import Stack

SIZE = "512m"
_BALLAST = "ballast"
_PIECE = bytes(1 << 20)


class SmallDisk:
    """A tmpfs of SIZE on `folder`; where this machine lets nobody mount one, a limit on what the front's
    process may write takes its place (every write fails then, with EFBIG in place of ENOSPC)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
        self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0

    @property
    def kind(self) -> str:
        """How the disk is made to be full."""
        return f"a tmpfs of {SIZE} filled up" if self.mounted else "every write refused by RLIMIT_FSIZE"

    def fill(self, stack: Stack) -> None:
        """Leave no room for anything."""
        if not self.mounted:
            # Python, and so the front, ignores SIGXFSZ: the write fails, the process lives.
            resource.prlimit(stack.pid("clickhouse"), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            return
        with (self._folder / _BALLAST).open("ab", buffering=0) as ballast:
            for piece in (_PIECE, _PIECE[:4096]):
                try:
                    while ballast.write(piece) == len(piece):
                        pass
                except OSError:
                    continue

    def free(self, stack: Stack) -> None:
        """Make room again."""
        if self.mounted:
            (self._folder / _BALLAST).unlink()
            return
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(stack.pid("clickhouse"), resource.RLIMIT_FSIZE, unlimited)

    def close(self) -> None:
        """Take the file system away, with all that is on it; what uses it must have ended."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
