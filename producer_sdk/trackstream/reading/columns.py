"""Runs as columns, named as mlflow.search_runs names them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ATTRIBUTES = ("run_id", "experiment_id", "status")
TIMES = ("start_time", "end_time")
"""Milliseconds since the epoch."""
METRIC = "metrics."
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def columns_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of runs as the API gives them: attributes, times, then metrics, params and tags,
    each by name. A value that a run does not have is None; a NaN is one that was logged.
    """
    columns: dict[str, list[Any]] = {name: [run[name] for run in runs] for name in (*ATTRIBUTES, *TIMES)}
    for key in _keys(run["metrics"] for run in runs):
        columns[METRIC + key] = [_number(run["metrics"].get(key)) for run in runs]
    for group in ("params", "tags"):
        for key in _keys(run[group] for run in runs):
            columns[f"{group}.{key}"] = [run[group].get(key) for run in runs]
    return columns


def _keys(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({key for group in groups for key in group})


def _number(latest: Mapping[str, Any] | None) -> float | None:
    if latest is None:
        return None
    value = latest["value"]
    return _NUMBERS[value] if isinstance(value, str) else float(value)
