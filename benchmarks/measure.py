"""Timing and what becomes of the figures."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.scale import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Figure:
    """One measured quantity: the median with its spread over the repetitions, and the wanted bound."""

    what: str
    unit: str
    median: float
    low: float
    high: float
    repetitions: int
    bar: str = ""
    """The bound to reach, in words; empty where the figure is there for comparison only."""
    reached: bool | None = None


def figure(
    what: str, unit: str, samples: list[float], *, at_most: float | None = None, at_least: float | None = None
) -> Figure:
    """Summarise repetitions; `at_most` and `at_least` bound the median."""
    median = float(np.median(samples))
    bar, reached = "", None
    if at_most is not None:
        bar, reached = f"≤ {at_most:,.10g} {unit}", median <= at_most
    if at_least is not None:
        bar, reached = f"≥ {at_least:,.10g} {unit}", median >= at_least
    return Figure(what, unit, median, min(samples), max(samples), len(samples), bar, reached)


def call_times(call: Callable[[int], object], count: int) -> np.ndarray:
    """Return the duration of each of `count` calls in nanoseconds, less what reading the clock costs."""
    clock = time.perf_counter_ns
    durations = np.empty(count, dtype=np.int64)
    for number in range(count):
        begun = clock()
        call(number)
        durations[number] = clock() - begun
    empty = np.empty(10_000, dtype=np.int64)
    for number in range(len(empty)):
        begun = clock()
        empty[number] = clock() - begun
    return np.maximum(durations - int(np.median(empty)), 0)


@dataclass(frozen=True)
class Latencies:
    """Quantiles of the calls of each round, milliseconds."""

    p50: list[float]
    p99: list[float]

    def figures(
        self, what: str, *, p50_at_most: float | None = None, p99_at_most: float | None = None
    ) -> list[Figure]:
        """Return both quantiles, with their bounds where there are any."""
        return [
            figure(f"{what}, p50", "ms", self.p50, at_most=p50_at_most),
            figure(f"{what}, p99", "ms", self.p99, at_most=p99_at_most),
        ]


def quantiles(rounds: Sequence[Sequence[float]]) -> Latencies:
    """Summarise durations in milliseconds, round by round."""
    return Latencies(*([float(np.quantile(one, q)) for one in rounds] for q in (0.5, 0.99)))


def latencies(call: Callable[[], object], rounds: int, count: int) -> Latencies:
    """Time `count` calls in each of some rounds, after a few that are not counted."""
    for _ in range(3):
        call()
    found: list[list[float]] = []
    for _ in range(rounds):
        durations = []
        for _ in range(count):
            begun = time.perf_counter()
            call()
            durations.append((time.perf_counter() - begun) * 1000)
        found.append(durations)
    return quantiles(found)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return b of the least-squares fit cost = a · size^b, both on logarithmic scales."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def save(case: str, figures: list[Figure]) -> None:
    """Write a case's figures as JSON."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "case": case,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "figures": [asdict(one) for one in figures],
    }
    (RESULTS / f"{case}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def saved() -> dict[str, list[Figure]]:
    """Return the figures of all cases that were run."""
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    return {record["case"]: [Figure(**one) for one in record["figures"]] for record in records}


def table(cases: Mapping[str, Sequence[Figure]] | None = None) -> str:
    """Return figures, all saved ones where none are given, as one Markdown table."""
    lines = [
        "| case | what | median | low to high | repetitions | bar | reached |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    for case, figures in (saved() if cases is None else cases).items():
        for one in figures:
            reached = {None: "", True: "yes", False: "**no**"}[one.reached]
            spread = f"{_number(one.low)} to {_number(one.high)}"
            lines.append(
                f"| {case} | {one.what} | {_number(one.median)} {one.unit} | {spread} "
                f"| {one.repetitions} | {one.bar} | {reached} |"
            )
    return "\n".join(lines) + "\n"


def written() -> str:
    """Return the page of results: the table, and the plots that lie beside it."""
    plots = [f"![{path.stem}]({path.name})" for path in sorted(RESULTS.glob("*.png"))]
    return "\n".join(["# Results", "", "Written by `make bench`.", "", table(), *plots]).rstrip() + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
