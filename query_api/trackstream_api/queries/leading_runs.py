"""The first page of a search by one metric: guessed from the metric's values, then looked up.

A guess is a list of the best values that were ever the latest of a run, replaced ones among them. What stands
strictly before its last row is in it, so where enough of that matches, the page is complete: no join of all
runs, and no reading of which of a million values stand.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from trackstream_api.models.runs import RunPage
from trackstream_api.queries import runs
from trackstream_api.queries.execution import select, select_both
from trackstream_api.search import (
    INACTIVE_EXPERIMENTS,
    RunSearch,
    Statement,
    leading_candidates_statement,
    leading_row,
    leading_runs_statement,
    page,
    single_metric,
)
from trackstream_api.search.statement import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set
    from typing import Any

    from trackstream_api.models.runs import Run
    from trackstream_consumers.engine import Engine

_MOST_TIES = 1000
"""Runs more than wanted that are read whole to put those that tie in order."""
_LARGEST_GUESSED = 100
"""Runs on a page beyond which a guess that fails costs more than the search that it would have saved."""


def leading_runs(engine: Engine, search: RunSearch) -> RunPage | None:
    """Return the page, where it is a first one by a metric that so many runs have that it is full."""
    guess = leading_candidates_statement(search)
    if guess is None:
        return None
    if search.limit > _LARGEST_GUESSED:
        return _looked_up(engine, search, leading_runs_statement(search))
    left_out: Sequence[Sequence[Any]] = ()
    if search.experiment_ids is None and search.view == "active":
        candidates, left_out = select_both(engine, guess.sql, INACTIVE_EXPERIMENTS, guess.parameters)
    else:
        candidates = select(engine, guess.sql, guess.parameters)
    last = candidates[-1][1] if len(candidates) == guess.limit else None
    few = candidates[: search.limit + 1 + max(2, search.limit // 2)]
    before = last if few == candidates else few[-1][1]
    found = _seen_whole(engine, search, guess, _ids(few), before, {row[0] for row in left_out})
    if found is None:
        found = _looked_up(engine, search, leading_runs_statement(search, _ids(candidates), last))
    if found is None and last is not None:
        found = _looked_up(engine, search, leading_runs_statement(search))
    return found


def _ids(rows: Sequence[Sequence[Any]]) -> list[str]:
    return list(dict.fromkeys(run_id for run_id, _ in rows))


def _seen_whole(
    engine: Engine,
    search: RunSearch,
    guess: Statement,
    run_ids: Sequence[str],
    before: float | None,
    inactive: Set[str],
) -> RunPage | None:
    """Read the runs and keep those that match with a value strictly before `before`.

    Not for searches that ask for more than a run itself tells, and whether its experiment is one of the
    `inactive`.
    """
    term = single_metric(search)
    if term is None or search.filter.strip():
        return None
    values: dict[str, float] = {}
    found = runs.by_ids(engine, run_ids)
    for run in found:
        latest = run.metrics.get(term.key)
        if _is_sought(run, search, inactive) and latest:
            value = latest["value"]
            is_before = before is None or (value < before if term.ascending else value > before)
            if is_before and not math.isnan(value):
                values[run.run_id] = value
    return _page(guess, search, [run for run in found if run.run_id in values], values)


def _is_sought(run: Run, search: RunSearch, inactive: Set[str]) -> bool:
    """Whether a run is of the right experiment and in the right lifecycle stage, as `search_runs_statement`
    has it."""
    if search.experiment_ids is not None:
        of_experiment = run.experiment_id in search.experiment_ids
    else:
        of_experiment = run.experiment_id not in inactive
    return of_experiment and run.lifecycle_stage in STAGES[search.view]


def _looked_up(engine: Engine, search: RunSearch, statement: Statement | None) -> RunPage | None:
    """Let the engine find those that match, then read them."""
    if statement is None:
        return None
    values: dict[str, float] = dict(select(engine, statement.sql, statement.parameters))  # type: ignore[arg-type]
    if len(values) > statement.limit + _MOST_TIES:
        return None
    found = runs.by_ids(engine, list(values)) if len(values) > statement.limit else []
    return _page(statement, search, found, values)


def _page(
    statement: Statement, search: RunSearch, found: Sequence[Run], values: Mapping[str, float]
) -> RunPage | None:
    """Return the page of runs in the order of the whole statement; None where they do not fill it."""
    term = single_metric(search)
    if term is None or len(found) <= search.limit:
        return None
    sign = 1 if term.ascending else -1
    ordered = sorted(found, key=lambda run: (sign * values[run.run_id], -run.start_time, run.run_id))
    rows = [leading_row(run.run_id, values[run.run_id], run.start_time) for run in ordered]
    token = page(replace(statement, limit=search.limit), rows).next_page_token
    return RunPage.model_construct(runs=ordered[: search.limit], next_page_token=token)
