"""`log_metric` while the log takes nothing: another process holds SQLite's write lock all the time.

The bound on memory is set low, so that the rounds go far past it.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np

import trackstream
from benchmarks.measure import Figure, call_times, figure
from trackstream_schemas import sqlite_layout

ROUNDS = 5
CALLS = 200_000
ROOM = 100_000


def run() -> list[Figure]:
    """Rounds on a store whose log is locked."""
    median, tail, slowest, kept = [], [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            settings = trackstream.Settings(uri=folder, max_buffered_points=ROOM, flush_timeout_s=0.5)
            client = trackstream.Client(settings=settings)
            run_id = client.create_run("0").run_id
            client.flush()
            blocker = sqlite_layout.connect(Path(folder) / sqlite_layout.FILE_NAME)
            blocker.execute("BEGIN IMMEDIATE")
            durations = call_times(
                lambda step, to=client.log_metric, of=run_id: to(of, "loss", 0.5, step=step), CALLS
            )
            median.append(float(np.median(durations)) / 1000)
            tail.append(float(np.quantile(durations, 0.99)) / 1000)
            slowest.append(float(durations.max()) / 1000)
            blocker.execute("ROLLBACK")
            blocker.close()
            client.flush(60)
            report = client.close()
            kept.append(float(report.acknowledged.points))
            missing = CALLS - report.acknowledged.points - report.dropped_points - report.lost_points
            assert missing == 0, f"{missing} points are neither kept nor counted"
    return [
        figure("log_metric while the log is stalled, median call", "µs", median, at_most=3),
        figure("log_metric while the log is stalled, 99th percentile", "µs", tail),
        figure("log_metric while the log is stalled, slowest call of a round", "µs", slowest),
        figure(f"points kept of {CALLS:,} with room for {ROOM:,} (the rest is counted)", "points", kept),
    ]
