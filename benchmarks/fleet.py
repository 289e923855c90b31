"""Two hundred producers, spread over a few processes, log at once; nothing may be lost.

Each has a client, a thread, a connection to the log and a run of its own. The lag is plotted.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import plots
from benchmarks.measure import Figure, figure
from benchmarks.trainers import Trainers
from benchmarks.watching import Sampled, api, lag_ms, until_readable
from tests.integration.processes import Server

if TYPE_CHECKING:
    import httpx

    from benchmarks.scale import Scale

PRODUCERS = 200
PROCESSES = 4
RATE = 50_000
"""Points a second, of all producers."""
_LAG_EVERY_S = 0.5


def run(scale: Scale) -> list[Figure]:
    """One load, counted producer by producer."""
    each, rate = scale.of(PRODUCERS, 8) // PROCESSES, scale.of(RATE, 4_000) / PROCESSES
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        server = Server(Path(folder) / "store", ui=True).start()
        sides.callback(server.close)
        client, second = (sides.enter_context(api(server.url)) for _ in range(2))
        options = ("--seconds", scale.fleet_seconds, "--rate", rate, "--producers", each)
        trainers = Trainers(str(server.directory), PROCESSES, sides, *options)
        run_ids = trainers.run_ids()
        with Sampled(lambda: lag_ms(second, run_ids[0]) / 1000, _LAG_EVERY_S) as lags:
            logged = trainers.finish()
            for run_id in run_ids:
                until_readable(client, run_id)
        stored = {run_id: _stored(client, run_id) for run_id in run_ids}
    wanted = {run_id: points for one in logged for run_id, points in one.points.items()}
    missing = [max(0, points - stored[run_id]) for run_id, points in wanted.items()]
    doubled = [max(0, stored[run_id] - points) for run_id, points in wanted.items()]
    plots.over_time(
        scale.plots / "fleet-lag.png",
        f"Lag of the projection, {len(wanted)} producers",
        [seconds for seconds, _ in lags.samples],
        lags.values,
        "seconds",
    )
    took = max(one.ended for one in logged) - min(one.began for one in logged)
    what = f"{len(wanted)} producers in {PROCESSES} processes, {scale.fleet_seconds:g} s"
    return [
        figure(f"{what}: points logged", "points/s", [sum(wanted.values()) / took]),
        figure(f"{what}: points lost, by producer", "points", [float(sum(missing))], at_most=0),
        figure(f"{what}: points doubled, by producer", "points", [float(sum(doubled))], at_most=0),
        figure(f"{what}: lag, p50", "s", [float(np.quantile(lags.values, 0.5))]),
        figure(f"{what}: lag, greatest", "s", [max(lags.values)]),
        figure(f"{what}: the loops' slowest turn, late by", "s", [max(one.slowest_tick_s for one in logged)]),
    ]


def _stored(client: httpx.Client, run_id: str) -> int:
    answer = client.get(f"/api/v1/runs/{run_id}/metrics").raise_for_status()
    return sum(metric["points"] for metric in answer.json()["metrics"])
