"""How old a value is when an API read first shows it, under a steady load.

One of the trainers logs the time as a metric; a reader asks for that run again and again. A value counts as
shown by the first read that was answered with it or a later one, so the reader's pauses are in the figures.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.measure import Figure, Latencies, figure, quantiles
from benchmarks.trainer import CLOCK
from benchmarks.trainers import Trainers
from benchmarks.watching import api, until_readable
from tests.integration.processes import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from benchmarks.scale import Scale

TRAINERS = 2
RATE = 100_000
"""Points a second, of all trainers."""
SECONDS = 30.0
"""Of each round and kind of read."""
WARM_UP_S = 2.0
PAUSE_S = 0.005
READS = {
    "strong": "log_metric to an API read as it comes",
    "eventual": "log_metric to an API read with consistency=eventual",
}


def run(scale: Scale) -> list[Figure]:
    """Rounds of both kinds of read; a kind's trainers begin anew."""
    rounds: dict[str, list[list[float]]] = {kind: [] for kind in READS}
    rates: list[float] = []
    for _ in range(scale.rounds):
        for kind in READS:
            with tempfile.TemporaryDirectory() as folder:
                ages, rate = _round(Path(folder), kind, scale.of(SECONDS, 4.0))
                rounds[kind].append(ages)
                rates.append(rate)
    figures = [figure("points logged meanwhile", "points/s", rates)]
    for kind, what in READS.items():
        shown: Latencies = quantiles(rounds[kind])
        figures += shown.figures(what, p50_at_most=150, p99_at_most=500)
    return figures


def _round(folder: Path, kind: str, seconds: float) -> tuple[list[float], float]:
    """Return the ages of the values when they were shown, milliseconds, and the rate that was logged."""
    server = Server(folder / "store", ui=True).start()
    try:
        with ExitStack() as sides, api(server.url) as client:
            options = ("--clock", "--rate", RATE / TRAINERS, "--seconds", seconds + WARM_UP_S)
            trainers = Trainers(str(server.directory), TRAINERS, sides, *options)
            run_id = trainers.run_ids()[0]
            until_readable(client, run_id)
            reads = []
            while trainers.running:
                reads.append(_read(client, run_id, kind))
                time.sleep(PAUSE_S)
            logged = trainers.finish()
            reads.append(_read(client, run_id, "strong"))
    finally:
        server.close()
    rate = sum(one.total for one in logged) / max(one.ended - one.began for one in logged)
    stamps = np.array(logged[0].stamps)
    ages = _ages(stamps[stamps > stamps[0] + WARM_UP_S * 1e9], reads)
    return ages, rate


def _read(client: httpx.Client, run_id: str, kind: str) -> tuple[float, float]:
    """Return when a read was answered, and the clock's value in it; nanoseconds since the epoch."""
    answer = client.get(f"/api/v1/runs/{run_id}", params={"consistency": kind}).raise_for_status()
    found = answer.json()["metrics"].get(CLOCK)
    return float(time.time_ns()), 0.0 if found is None else float(found["value"])


def _ages(stamps: np.ndarray, reads: Sequence[tuple[float, float]]) -> list[float]:
    at, shown = np.array(reads).T
    first = np.searchsorted(np.maximum.accumulate(shown), stamps)
    assert first.max() < len(at), "the last value was never shown"
    return [float(age) for age in (at[first] - stamps) / 1e6]
