"""What a process has held in memory at most.

`python -m tests.integration.stack.peak_memory ARGUMENTS` runs the command line with ARGUMENTS and prints it,
in MB, as the last line on standard error.
"""

from __future__ import annotations

import atexit
import sys
from pathlib import Path


def peak_mb(pid: int | str = "self") -> float:
    """Return the highest resident set size so far of a process, in 10^6 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) * 1024 / 1e6


if __name__ == "__main__":
    from trackstream_api.cli import main

    atexit.register(lambda: print(peak_mb(), file=sys.stderr))
    main()
