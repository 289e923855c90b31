"""A trainer that logs at a steady rate, started with URI RUN_ID RATE STOP_FILE.

It logs RATE points a second into one run until the stop file appears, and then prints how many it has logged
and how many seconds that took.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from trackstream.client import Client

_TICK_S = 0.05


def main(uri: str, run_id: str, rate: str, stop_file: str) -> None:
    client = Client(uri)
    run = client.resume_run(run_id)
    a_tick = int(float(rate) * _TICK_S)
    began = time.monotonic()
    step = 0
    while not Path(stop_file).exists():
        for _ in range(a_tick):
            run.log_metric("loss", 1.0 / (1 + step), step=step)
            step += 1
        time.sleep(max(0.0, began + _TICK_S * step / a_tick - time.monotonic()))
    seconds = time.monotonic() - began
    report = client.close(120)
    assert report.complete, report
    print(step, seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
