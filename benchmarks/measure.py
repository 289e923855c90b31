"""Timing and what becomes of the figures."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"


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


def table() -> str:
    """Return all saved results as one Markdown table."""
    lines = [
        "| case | what | median | low to high | repetitions | bar | reached |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text())
        for one in record["figures"]:
            reached = {None: "", True: "yes", False: "**no**"}[one["reached"]]
            spread = f"{one['low']:,.4g} to {one['high']:,.4g}"
            lines.append(
                f"| {record['case']} | {one['what']} | {one['median']:,.4g} {one['unit']} | {spread} "
                f"| {one['repetitions']} | {one['bar']} | {reached} |"
            )
    return "\n".join(lines) + "\n"
