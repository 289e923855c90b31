"""What a `log_metric` costs the training loop: ours on a directory store, MLflow's on its default store.

MLflow is measured as shipped: its SQLite store in the same process, which is faster than its server.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np

import trackstream
from benchmarks.measure import Figure, call_times, figure

if TYPE_CHECKING:
    from benchmarks.scale import Scale

ROUNDS = 5
CALLS = 200_000
PEER_CALLS = 200


def _microseconds(durations: np.ndarray, quantile: float) -> float:
    return float(np.quantile(durations, quantile)) / 1000


def run(scale: Scale) -> list[Figure]:
    """Rounds of ours and the peer's in turn."""
    ours: dict[str, list[float]] = {"p50": [], "p99": [], "max": [], "ten": []}
    peers: dict[str, list[float]] = {"sync": [], "async": []}
    calls, peer_calls = scale.of(CALLS, 5_000), scale.of(PEER_CALLS, 5)
    with tempfile.TemporaryDirectory() as folder:
        trackstream.set_tracking_uri(Path(folder) / "store")
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("bench")
        for _ in range(scale.of(ROUNDS, 1)):
            with trackstream.start_run():
                durations = call_times(lambda step: trackstream.log_metric("loss", 0.5, step=step), calls)
                ours["p50"].append(_microseconds(durations, 0.5))
                ours["p99"].append(_microseconds(durations, 0.99))
                ours["max"].append(_microseconds(durations, 1.0))
                ten = {f"metric{number}": 0.5 for number in range(10)}
                durations = call_times(lambda step: trackstream.log_metrics(ten, step=step), calls // 10)  # noqa: B023
                ours["ten"].append(_microseconds(durations, 0.5))
            with mlflow.start_run():
                for mode, options in (("sync", {}), ("async", {"synchronous": False})):
                    peers[mode].append(_peer_call(options, peer_calls))
        report = trackstream.delivery_report()
    assert report.dropped_points == 0, "the loop outran the memory bound: the figures would flatter us"
    return [
        figure("log_metric, median call", "µs", ours["p50"], at_most=1),
        figure("log_metric, 99th percentile", "µs", ours["p99"], at_most=10),
        figure("log_metric, slowest call of a round", "µs", ours["max"]),
        figure("log_metrics of 10, median call", "µs", ours["ten"], at_most=4),
        figure("MLflow log_metric, median call", "µs", peers["sync"]),
        figure("MLflow log_metric(synchronous=False), median call", "µs", peers["async"]),
    ]


def _peer_call(options: dict[str, Any], calls: int) -> float:
    durations = call_times(lambda step: mlflow.log_metric("loss", 0.5, step=step, **options), calls)
    return _microseconds(durations, 0.5)
