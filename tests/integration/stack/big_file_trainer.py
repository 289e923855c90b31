"""Logs one file: `python -m tests.integration.stack.big_file_trainer URI FILE RUN_NAME`.

Prints the run's id, the highest memory (MB) and the seconds it took.
"""

from __future__ import annotations

import sys
import time

import trackstream
from tests.integration.stack.peak_memory import peak_mb


def main(uri: str, file: str, name: str) -> None:
    trackstream.set_tracking_uri(uri)
    began = time.monotonic()
    with trackstream.start_run(run_name=name) as run:
        trackstream.log_artifact(file, "model")
    trackstream.flush()
    print(run.info.run_id, peak_mb(), time.monotonic() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
