"""Replay of a log into shadow tables, beside the live ones, through the server's own command.

The embedded log has one partition; it can be made with more, which one reader then reads in turn.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, figure
from benchmarks.seeding import Seeder
from benchmarks.watching import LIMIT_S, api, cpu_seconds, points_in, until_readable
from tests.integration.processes import Server
from trackstream.log.sqlite import SqliteLogWriter
from trackstream_schemas import sqlite_layout

if TYPE_CHECKING:
    import httpx

    from benchmarks.scale import Scale

RUNS = 16
POINTS = 6_400_000
PARTITIONS = (1, 2, 4)


def run(scale: Scale) -> list[Figure]:
    """Replay one log several times, for each number of partitions."""
    return [one for partitions in PARTITIONS for one in _of(scale, partitions)]


def replay(client: httpx.Client) -> float:
    """Replay everything; return the seconds that it took."""
    begun = time.perf_counter()
    client.post("/api/v1/replay", json={}).raise_for_status()
    while True:
        state = client.get("/api/v1/replay").raise_for_status().json()
        if state["state"] == "done":
            return time.perf_counter() - begun
        if state["state"] != "running" or time.perf_counter() - begun > LIMIT_S:
            raise RuntimeError(f"the replay ended otherwise: {state}")
        time.sleep(0.02)


def figures(where: str, rates: list[float], per_core: list[float], bar: float | None) -> list[Figure]:
    """Return the figures of some replays."""
    return [
        figure(f"replay from the log, {where}", "points/s", rates, at_least=bar),
        figure(f"the same by processor time, {where}", "points per core second", per_core),
    ]


def _of(scale: Scale, partitions: int) -> list[Figure]:
    points = scale.of(POINTS, 160_000)
    rates, per_core = [], []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        SqliteLogWriter(store / sqlite_layout.FILE_NAME, partitions).close()
        run_ids = Seeder(str(store), sides).points(RUNS, points // RUNS)
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        client = sides.enter_context(api(server.url))
        until_readable(client, run_ids[-1])
        assert points_in(client) == points
        for _ in range(scale.rounds):
            before = cpu_seconds(server.process)
            rates.append(points / replay(client))
            per_core.append(points / (cpu_seconds(server.process) - before))
        assert points_in(client) == points
    where = f"embedded, {partitions} partition{'s' * (partitions > 1)}"
    return figures(where, rates, per_core, 500_000)
