"""What `trackstream watch` shows of a run at one moment, and how it is asked for."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.lookup import SYSTEM_METRICS, run_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.cli.api import Api

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
MOST_KEYS = 100
"""What one request for curves takes."""
_SERIES = "/api/v1/metrics/series"


@dataclass(frozen=True)
class Metric:
    """A metric of the run; values may be NaN or infinite."""

    key: str
    points: int
    latest: float
    step: int
    least: float | None
    greatest: float | None
    span_ms: int
    """From its first to its last point, by the trainer's clock."""
    curve: tuple[float | None, ...]
    """Means of stretches of steps, the last ones of which are the newest."""


@dataclass(frozen=True)
class Reading:
    """A run as it was at `at`, seconds of a clock that only this process has."""

    at: float
    run: Mapping[str, Any]
    completeness: str
    metrics: tuple[Metric, ...]
    others: int
    """Metrics that are not among these, for want of room."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.run["status"] in ENDED

    @property
    def points(self) -> int:
        """Points of all these metrics."""
        return sum(metric.points for metric in self.metrics)


def read(api: Api, run_id: str, patterns: Sequence[str], most: int, buckets: int, at: float) -> Reading:
    """Ask for a run, and for up to `most` of its metrics with curves of up to `buckets` stretches."""
    path = run_path(run_id)
    run = api.get(path)
    summaries = api.get(f"{path}/metrics")["metrics"]
    completeness = api.get(f"{path}/completeness")["summary"]
    chosen = chosen_of(summaries, patterns)
    shown = chosen[: min(most, MOST_KEYS)]
    curves: dict[str, tuple[float | None, ...]] = {}
    if shown:
        keys = [summary["key"] for summary in shown]
        found = api.post(_SERIES, {"run_ids": [run_id], "keys": keys, "buckets": buckets})["series"]
        curves = {
            key: tuple(_number(bucket["mean"]) for series in group for bucket in series["buckets"])
            for key, group in groupby(found, key=lambda series: str(series["key"]))
        }
    metrics = tuple(_metric(summary, curves.get(summary["key"], ())) for summary in shown)
    return Reading(at, run, completeness, metrics, len(chosen) - len(shown))


def chosen_of(summaries: Sequence[Mapping[str, Any]], patterns: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the metrics whose names match one of the patterns (none: all), the machine's own ones last."""
    found = [
        summary
        for summary in summaries
        if not patterns or any(fnmatch.fnmatchcase(summary["key"], pattern) for pattern in patterns)
    ]
    return sorted(found, key=lambda summary: (summary["key"].startswith(SYSTEM_METRICS), summary["key"]))


def rates(now: Reading, earlier: Reading | None) -> dict[str, float]:
    """Return the points a second of each metric: since an earlier reading, or without one over all its
    life, as far as either is known."""
    if earlier is None or now.at <= earlier.at:
        return {
            metric.key: 1000 * (metric.points - 1) / metric.span_ms
            for metric in now.metrics
            if metric.span_ms > 0
        }
    before = {metric.key: metric.points for metric in earlier.metrics}
    return {
        metric.key: max(0, metric.points - before.get(metric.key, 0)) / (now.at - earlier.at)
        for metric in now.metrics
    }


def _metric(summary: Mapping[str, Any], curve: tuple[float | None, ...]) -> Metric:
    return Metric(
        key=summary["key"],
        points=summary["points"],
        latest=float(summary["latest"]["value"]),
        step=summary["latest"]["step"],
        least=_number(summary["min"]),
        greatest=_number(summary["max"]),
        span_ms=summary["last_timestamp"] - summary["first_timestamp"],
        curve=curve,
    )


def _number(value: float | str | None) -> float | None:
    # NaN and the infinities come as strings.
    return None if value is None else float(value)
