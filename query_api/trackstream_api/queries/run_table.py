"""Runs as a table of chosen columns, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from trackstream_api.queries.execution import select
from trackstream_api.search.compile_run_sets import all_ids_statement
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trackstream_api.models.runs import Run
    from trackstream_api.search import RunSearch
    from trackstream_consumers.engine import Engine

ATTRIBUTES = {
    "run_id": "run_id",
    "run_name": "name",
    "experiment_id": "experiment_id",
    "experiment_name": "experiment_name",
    "status": "status",
    "user_id": "user_id",
    "lifecycle_stage": "lifecycle_stage",
    "start_time": "start_time",
    "end_time": "end_time",
}
"""Columns of a run's own and the fields of Run; beside them duration, and `params.KEY` and so on."""
_KEYED = ("params", "metrics", "tags")


def checked_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns as they are, or raise InvalidInput for one that no run can have."""
    for column in columns:
        part, _, key = column.partition(".")
        if column not in ATTRIBUTES and column != "duration" and not (part in _KEYED and key):
            known = ", ".join((*ATTRIBUTES, "duration"))
            raise InvalidInput("column", column, f"one of {known}, params.KEY, metrics.KEY, tags.KEY")
    return list(columns)


def ids_in_order(engine: Engine, search: RunSearch) -> list[str]:
    """Return the ids of all runs that match, in the search's order. Raises as a search does."""
    return [row[0] for row in select(engine, *all_ids_statement(search))]


def csv_text(columns: Sequence[str], runs: Iterable[Run] | None) -> str:
    """Return lines of CSV (RFC 4180): a row a run, or the header for None.

    Times are milliseconds since the epoch, durations milliseconds; what a run does not have is empty. Numbers
    have all their digits.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if runs is None:
        writer.writerow(columns)
    else:
        writer.writerows([_cell(run, column) for column in columns] for run in runs)
    return text.getvalue()


def _cell(run: Run, column: str) -> Any:
    if column in ATTRIBUTES:
        return getattr(run, ATTRIBUTES[column])
    if column == "duration":
        return None if run.end_time is None else run.end_time - run.start_time
    part, _, key = column.partition(".")
    if part == "metrics":
        latest = run.metrics.get(key)
        return None if latest is None else latest["value"]
    return (run.params if part == "params" else run.tags).get(key)
