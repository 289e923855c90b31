"""The command line: `trackstream`.

Kept light: nothing is imported here before `main` runs, and no command imports a heavy library before
it is the one that was asked for.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line on this process's arguments and exit with its code (see docs/cli.md)."""
    if sys.argv[1:2] == ["consume"]:
        # An orchestrator may change its mind before the command has begun.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        from trackstream_api.cli.root import run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("Error: the command line needs more packages: pip install 'trackstream[server]'")
    sys.exit(run())
