"""Curves in a store of a hundred million points, and the server's memory while it takes them in.

The points come in ten parts, nine of ten in runs of ten metrics, the rest in runs of a single one.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import questions
from benchmarks.measure import Figure, figure, latencies
from benchmarks.seeding import Seeder
from benchmarks.trainer import KEYS
from benchmarks.watching import Sampled, api, points_in, until_readable, until_settled
from tests.integration.processes import Server

if TYPE_CHECKING:
    import httpx

    from benchmarks.scale import Scale

ROUNDS = 5
CALLS = 40
QUIET_S = 20.0
PARTS = 10
RUNS_OF_A_PART = 10
GIB = 1 << 30
FLAT = 1.25
"""By how much the last tenth may take more memory than the first and still be called flat."""


def run(scale: Scale) -> list[Figure]:
    """Fill one store and ask for curves while merges are pending and when they are done."""
    of_run = scale.most_points // (PARTS * RUNS_OF_A_PART)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        client = sides.enter_context(api(server.url))
        seeder = Seeder(str(store), sides)
        usual: list[str] = []
        long: list[str] = []
        peaks, seconds = [], 0.0
        for part in range(PARTS):
            begun = time.perf_counter()
            with Sampled(lambda: float(server.process.memory_info().rss), 0.1) as memory:
                usual += seeder.points(RUNS_OF_A_PART - 1, of_run, seed=2 * part)
                long += seeder.points(1, of_run, keys=1, seed=2 * part + 1)
                until_readable(client, long[-1])
            seconds += time.perf_counter() - begun
            peaks.append(max(memory.values) / GIB)
        total = of_run * PARTS * RUNS_OF_A_PART
        seen = points_in(client)
        assert seen == total, f"{seen} of {total} points"
        found = _ask(scale, client, usual[:10], of_run // len(KEYS), "merges pending", None)
        until_settled(store, scale.of(QUIET_S, 2.0))
        found += _ask(scale, client, usual[:10], of_run // len(KEYS), "merged by itself", 60.0)
        found += _ask(scale, client, long, of_run, "merged by itself", None)
        resting = server.process.memory_info().rss / GIB
    what = f"{total:,} points"
    return [
        *(one for one in found if "p99" not in one.what),
        *(one for one in found if "p99" in one.what),
        figure(f"{what} from the log to queryable", "points/s", [total / seconds]),
        figure(f"memory of the server, peak of each tenth of {what}", "GiB", peaks),
        figure("the same, greatest of all", "GiB", [max(peaks)], at_most=2.5),
        figure("the same, last tenth to the first", "×", [peaks[-1] / peaks[0]], at_most=FLAT),
        figure("memory of the server behind it", "GiB", [resting]),
    ]


def _ask(
    scale: Scale, client: httpx.Client, run_ids: list[str], length: int, state: str, bar: float | None
) -> list[Figure]:
    question = questions.chart(client, run_ids, KEYS[0], length * len(run_ids))
    durations = latencies(question, scale.of(ROUNDS, 1), scale.of(CALLS, 3))
    what = f"{len(run_ids)} curves of {length:,} points in {questions.BUCKETS:,} buckets"
    return durations.figures(f"{what}, {scale.most_points:,} points in the store, {state}", p50_at_most=bar)
