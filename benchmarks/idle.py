"""What a server that nobody asks takes of a core."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, figure
from benchmarks.seeding import Seeder
from benchmarks.watching import api, cpu_seconds, until_readable, until_settled
from tests.integration.processes import Server

if TYPE_CHECKING:
    from benchmarks.scale import Scale

SECONDS = 60.0
RUNS = 1000
QUIET_S = 20.0


def run(scale: Scale) -> list[Figure]:
    """Minutes of a server with some runs in its store, after its merges."""
    shares = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        seeded = Seeder(str(store), sides).runs(RUNS)
        with api(server.url) as client:
            until_readable(client, seeded.last_run_id)
        until_settled(store, scale.of(QUIET_S, 2.0))
        for _ in range(scale.rounds):
            before, begun = cpu_seconds(server.process), time.perf_counter()
            time.sleep(scale.of(SECONDS, 3.0))
            used = cpu_seconds(server.process) - before
            shares.append(100 * used / (time.perf_counter() - begun))
    return [figure("an idle server", "% of a core", shares, at_most=1)]
