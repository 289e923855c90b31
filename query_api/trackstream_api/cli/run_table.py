"""Runs as table rows: which columns there are and what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.cli.output import duration, when
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ATTRIBUTES = {
    "run_id": "RUN ID",
    "name": "NAME",
    "experiment_name": "EXPERIMENT",
    "experiment_id": "EXPERIMENT ID",
    "status": "STATUS",
    "user_id": "USER",
    "lifecycle_stage": "STAGE",
    "start_time": "STARTED",
    "end_time": "ENDED",
    "duration": "TOOK",
}
_MOST_METRICS = 5


def default_columns(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that tell these runs apart: attributes, then the first few metrics."""
    columns = ["run_id", "name", "status"]
    if len({run["experiment_id"] for run in found}) > 1:
        columns.insert(2, "experiment_name")
    metrics = sorted({key for run in found for key in run["metrics"]})
    return [*columns, *[f"metrics.{key}" for key in metrics[:_MOST_METRICS]], "start_time", "duration"]


def differing(found: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    """Return the columns of `params` or `tags` in which the runs differ; all of them for a single run."""
    keys = sorted({key for run in found for key in run[part]})
    if len(found) > 1:
        keys = [key for key in keys if len({run[part].get(key) for run in found}) > 1]
    return [f"{part}.{key}" for key in keys]


def heading(column: str) -> str:
    """Return what stands above a column."""
    part, _, key = column.partition(".")
    return "STEP" if part == "step" and key else _ATTRIBUTES.get(column, key or column)


def run_cells(run: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return a run's values for the columns, None where it has none; an unknown column is InvalidInput."""
    return [_cell(run, column) for column in columns]


def _cell(run: Mapping[str, Any], column: str) -> Any:
    part, dot, key = column.partition(".")
    if dot and part == "metrics":
        latest = run["metrics"].get(key)
        return None if latest is None else latest["value"]
    if dot and part == "step":
        latest = run["metrics"].get(key)
        return None if latest is None else latest["step"]
    if dot and part in ("params", "tags"):
        return run[part].get(key)
    if column in ("start_time", "end_time"):
        return when(run[column])
    if column == "duration":
        return duration(run["start_time"], run["end_time"])
    if column not in _ATTRIBUTES:
        known = ", ".join([*_ATTRIBUTES, "metrics.KEY", "step.KEY", "params.KEY", "tags.KEY"])
        raise InvalidInput("--columns", column, f"one of {known}")
    return run[column]
