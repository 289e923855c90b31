"""`log_metric` while the log takes nothing: another process holds SQLite's write lock all the time.

The bound on memory is set low, so that the rounds go far past it.
"""

from __future__ import annotations

import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import trackstream
from benchmarks.measure import Figure, call_times, figure
from trackstream_schemas import sqlite_layout

if TYPE_CHECKING:
    from benchmarks.scale import Scale

ROUNDS = 5
CALLS = 200_000
ROOM = 100_000


def run(scale: Scale) -> list[Figure]:
    """Rounds on a store whose log is locked."""
    calls, room = scale.of(CALLS, 20_000), scale.of(ROOM, 10_000)
    median, tail, slowest, kept = [], [], [], []
    for _ in range(scale.of(ROUNDS, 1)):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            settings = trackstream.Settings(uri=folder, max_buffered_points=room, flush_timeout_s=0.5)
            client = trackstream.Client(settings=settings)
            run_id = client.create_run("0").run_id
            client.flush()
            blocker = sqlite_layout.connect(Path(folder) / sqlite_layout.FILE_NAME)
            blocker.execute("BEGIN IMMEDIATE")
            durations = call_times(partial(_log, client, run_id), calls)
            median.append(float(np.median(durations)) / 1000)
            tail.append(float(np.quantile(durations, 0.99)) / 1000)
            slowest.append(float(durations.max()) / 1000)
            blocker.execute("ROLLBACK")
            blocker.close()
            client.flush(60)
            report = client.close()
            kept.append(float(report.acknowledged.points))
            missing = calls - report.acknowledged.points - report.dropped_points - report.lost_points
            assert missing == 0, f"{missing} points are neither kept nor counted"
    return [
        figure("log_metric while the log is stalled, median call", "µs", median, at_most=3),
        figure("log_metric while the log is stalled, 99th percentile", "µs", tail),
        figure("log_metric while the log is stalled, slowest call of a round", "µs", slowest),
        figure(f"points kept of {calls:,} with room for {room:,} (the rest is counted)", "points", kept),
    ]


def _log(client: trackstream.Client, run_id: str, step: int) -> None:
    client.log_metric(run_id, "loss", 0.5, step=step)
