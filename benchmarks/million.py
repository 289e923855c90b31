"""A million runs: the best one, a search, the newest ones, and the server's start."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import questions
from benchmarks.measure import Figure, figure, latencies
from benchmarks.seeding import Seeder
from benchmarks.watching import api, timed_start, until_readable, until_settled
from tests.integration.processes import Server

if TYPE_CHECKING:
    import httpx

    from benchmarks.scale import Scale
    from benchmarks.seeding import SeededRuns

ROUNDS = 5
CALLS = 60
QUIET_S = 330.0
"""Longer than the age at which the engine merges what a search reads into one part (`0016_merges.sql`)."""


def run(scale: Scale) -> list[Figure]:
    """Seed one store, ask at once and when the engine has merged, then start the server on it again."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        begun = time.perf_counter()
        seeded = Seeder(str(store), sides).runs(scale.most_runs)
        with api(server.url) as client:
            until_readable(client, seeded.last_run_id)
            took = time.perf_counter() - begun
            found = _ask(scale, client, seeded, "merges pending", bars=False)
            until_settled(store, scale.of(QUIET_S, 2.0))
            found += _ask(scale, client, seeded, "merged by itself", bars=True)
        server.stop()
        starts = []
        for _ in range(scale.rounds):
            again, seconds = timed_start(store, seeded.last_run_id)
            starts.append(seconds)
            try:
                again.stop()
            finally:
                again.close()
    what = f"{scale.most_runs:,} runs"
    return [
        figure(f"{what} from the log to queryable", "runs/s", [scale.most_runs / took]),
        *found,
        figure(f"start of the server on {what}, until it answers a read", "s", starts),
    ]


def _ask(scale: Scale, client: httpx.Client, seeded: SeededRuns, state: str, *, bars: bool) -> list[Figure]:
    asked = (
        ("best by val_loss", questions.best, 30.0),
        ("best by val_loss of one experiment in 20", questions.best_of_experiment, None),
        ("search by two params, a metric and a tag", questions.search, 150.0),
        ("the newest 100", questions.first_page, None),
    )
    figures = []
    for what, question, bar in asked:
        durations = latencies(question(client, seeded), scale.of(ROUNDS, 1), scale.of(CALLS, 5))
        label = f"{what}, {seeded.count:,} runs, {state}"
        figures += durations.figures(label, p50_at_most=bar if bars else None)
    return figures
