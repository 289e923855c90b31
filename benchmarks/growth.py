"""How cost grows with the store: with runs, and with points.

Two stores grow tenfold from step to step, and each step is measured once they are merged. What is asked stays
the same: the curves of the store of points are always those of its first ten runs. A cost's exponent is the
slope of its logarithm over that of the size; the cost of ingest is the time for all that is in the store.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import plots, questions
from benchmarks.measure import Figure, exponent, figure, latencies
from benchmarks.replay import replay
from benchmarks.seeding import Seeder
from benchmarks.trainer import KEYS
from benchmarks.watching import api, points_in, timed_start, until_readable, until_settled
from tests.integration.processes import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from benchmarks.scale import Scale

CALLS = 60
STARTS = 3
QUIET_S = 10.0
FIRST_RUNS = 1_000
FIRST_POINTS = 100_000
LARGEST_RUN = 1_000_000
"""Points of the runs that make a store of points large."""
_FAR_BELOW_LINEAR = 0.5
BARS: dict[str, float | None] = {
    "ingest": 1.0,
    "best run": _FAR_BELOW_LINEAR,
    "filter search": 1.0,
    "chart": _FAR_BELOW_LINEAR,
    "replay": None,
    "start-up": 1.0,
}
"""The greatest exponents: only replay may grow faster than linear; best run and chart far slower."""

Costs = dict[str, list[float]]
"""Seconds by what was measured, in the order of the sizes."""


def run(scale: Scale) -> list[Figure]:
    """Grow a store of runs, then one of points."""
    return [
        *_grow(scale, "runs", _sizes(scale.of(FIRST_RUNS, 200), scale.most_runs), _Runs),
        *_grow(scale, "points", _sizes(scale.of(FIRST_POINTS, 20_000), scale.most_points), _Points),
    ]


class _Runs:
    """A store that gets more runs."""

    def __init__(self, seeder: Seeder) -> None:
        self._seeder = seeder

    def add(self, count: int) -> str:
        """Add runs and return the id of the last one."""
        return self._seeder.runs(count).last_run_id

    def questions(self, client: httpx.Client) -> dict[str, Callable[[], None]]:
        """Return what to ask."""
        seeded = self._seeder.runs_seeded
        return {
            "best run": questions.best(client, seeded),
            "filter search": questions.search(client, seeded),
        }


class _Points:
    """A store that gets more points; its first runs, which are charted, have 10,000 each."""

    def __init__(self, seeder: Seeder) -> None:
        self._seeder = seeder
        self._charted: list[str] = []
        self._of_charted = 0

    def add(self, count: int) -> str:
        """Add points and return the id of the last run that got some."""
        if not self._charted:
            self._of_charted = count // 10
            self._charted = self._seeder.points(10, self._of_charted)
            return self._charted[-1]
        of_run = min(LARGEST_RUN, count // 9)
        return self._seeder.points(count // of_run, of_run, seed=count)[-1]

    def questions(self, client: httpx.Client) -> dict[str, Callable[[], None]]:
        """Return what to ask."""
        points = 10 * (self._of_charted // len(KEYS))
        return {"chart": questions.chart(client, self._charted, KEYS[0], points)}


def _sizes(first: int, most: int) -> list[int]:
    sizes = [first]
    while sizes[-1] * 10 <= most:
        sizes.append(sizes[-1] * 10)
    return sizes


def _grow(
    scale: Scale, of: str, sizes: Sequence[int], kind: Callable[[Seeder], _Runs | _Points]
) -> list[Figure]:
    costs: Costs = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        grown = kind(Seeder(str(store), sides))
        ingested = 0.0
        for before, size in zip((0, *sizes), sizes, strict=False):
            server = Server(store, ui=True).start()
            try:
                with api(server.url) as client:
                    begun = time.perf_counter()
                    last = grown.add(size - before)
                    until_readable(client, last)
                    ingested += time.perf_counter() - begun
                    if of == "points":
                        seen = points_in(client)
                        assert seen == size, f"{seen} of {size} points"
                    until_settled(store, scale.of(QUIET_S, 2.0))
                    found = {"ingest": ingested, **_asked(scale, grown.questions(client))}
                    found["replay"] = replay(client)
                    # Or the start would be one on what the replay has not merged yet.
                    until_settled(store, scale.of(QUIET_S, 2.0))
                server.stop()
            finally:
                server.close()
            found["start-up"] = _start(scale, store, last)
            for what, seconds in found.items():
                costs.setdefault(what, []).append(seconds)
    return [one for what, found in costs.items() for one in _figures(scale, what, of, sizes, found)]


def _asked(scale: Scale, asked: dict[str, Callable[[], None]]) -> dict[str, float]:
    return {
        what: latencies(question, 1, scale.of(CALLS, 5)).p50[0] / 1000 for what, question in asked.items()
    }


def _start(scale: Scale, store: Path, run_id: str) -> float:
    """Return the median of some starts on a store, seconds."""
    found = []
    for _ in range(scale.of(STARTS, 1)):
        server, seconds = timed_start(store, run_id)
        found.append(seconds)
        try:
            server.stop()
        finally:
            server.close()
    return sorted(found)[len(found) // 2]


def _figures(scale: Scale, what: str, of: str, sizes: Sequence[int], seconds: list[float]) -> list[Figure]:
    name = f"growth-{what.replace(' ', '-')}-by-{of}.png"
    plots.growth(scale.plots / name, f"{what}, by {of}", of, sizes, seconds, "seconds")
    slope = figure(f"exponent of {what} over {of}", "", [exponent(sizes, seconds)], at_most=BARS[what])
    at = [figure(f"{what} at {size:,} {of}", "s", [cost]) for size, cost in zip(sizes, seconds, strict=True)]
    return [slope, *at]
