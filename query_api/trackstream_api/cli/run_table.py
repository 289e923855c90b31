"""Runs as table rows: which columns there are and what stands in them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.lookup import SYSTEM_METRICS
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
_KEYED = ("metrics", "step", "params", "tags")
_MOST_METRICS = 5


def default_columns(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that tell these runs apart: attributes, then the first metrics but system/ ones."""
    columns = ["run_id", "name", "status"]
    if len({run["experiment_id"] for run in found}) > 1:
        columns.insert(2, "experiment_name")
    metrics = sorted({key for run in found for key in run["metrics"] if not key.startswith(SYSTEM_METRICS)})
    return [*columns, *[f"metrics.{key}" for key in metrics[:_MOST_METRICS]], "start_time", "duration"]


def differing(found: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    """Return the columns of `params` or `tags` in which the runs differ; all of them for a single run."""
    keys = sorted({key for run in found for key in run[part]})
    if len(found) > 1:
        keys = [key for key in keys if len({run[part].get(key) for run in found}) > 1]
    return [f"{part}.{key}" for key in keys]


def resolved(columns: Sequence[str], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the columns that `--columns` names: by id or, in any case of letters, by heading.

    Raises InvalidInput for an unknown one, with a suggestion from what the found runs have.
    """
    if not columns:
        raise InvalidInput("--columns", "", f"at least one of {_known()}")
    return [_resolved(column, found) for column in columns]


def _resolved(column: str, found: Sequence[Mapping[str, Any]]) -> str:
    part, _, key = column.partition(".")
    if column in _ATTRIBUTES or (key and part in _KEYED):
        return column
    for name, above in _ATTRIBUTES.items():
        if column.casefold() in (name, above.casefold()):
            return name
    keyed = {
        f"{part}.{key}": key for part in ("metrics", "params", "tags") for run in found for key in run[part]
    }
    near = [name for name, key in keyed.items() if key.casefold() == column.casefold()]
    if not near:
        candidates = {key: name for name, key in keyed.items()} | {name: name for name in _ATTRIBUTES}
        near = [candidates[close] for close in difflib.get_close_matches(column, candidates, n=1)]
    guess = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InvalidInput("--columns", column, f"one of {_known()}{guess}")


def _known() -> str:
    return ", ".join([*_ATTRIBUTES, *[f"{part}.KEY" for part in _KEYED]])


def heading(column: str) -> str:
    """Return what stands above a column."""
    part, _, key = column.partition(".")
    return "STEP" if part == "step" and key else _ATTRIBUTES.get(column, key or column)


def run_cells(run: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    """Return a run's values for the columns as people read them, None where it has none."""
    return [_cell(run, column) for column in columns]


def run_record(run: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return a run's values by column as programs read them: times and durations in milliseconds."""
    return {column: _value(run, column) for column in columns}


def _cell(run: Mapping[str, Any], column: str) -> Any:
    if column in ("start_time", "end_time"):
        return when(run[column])
    if column == "duration":
        return duration(run["start_time"], run["end_time"])
    return _value(run, column)


def _value(run: Mapping[str, Any], column: str) -> Any:
    part, dot, key = column.partition(".")
    if dot and part in ("metrics", "step"):
        latest = run["metrics"].get(key)
        return None if latest is None else latest["value" if part == "metrics" else "step"]
    if dot:
        return run[part].get(key)
    if column == "duration":
        return None if run["end_time"] is None else run["end_time"] - run["start_time"]
    return run[column]
