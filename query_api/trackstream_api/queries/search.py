"""Searches: one statement finds the ids in order, then the rows of that page are read whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trackstream_api.models.experiments import ExperimentPage
from trackstream_api.models.runs import RunList, RunPage
from trackstream_api.queries import experiments, runs
from trackstream_api.queries.execution import select
from trackstream_api.queries.leading_runs import leading_runs
from trackstream_api.search import (
    ExperimentSearch,
    Page,
    RunSearch,
    Statement,
    page,
    search_experiments_statement,
    search_runs_statement,
)
from trackstream_schemas.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.models.runs import BestRuns, Run, SearchRuns
    from trackstream_consumers.engine import Engine


def search_experiments(engine: Engine, request: ExperimentSearch) -> ExperimentPage:
    """Return a page of experiments."""
    found = _page(engine, search_experiments_statement(request))
    return ExperimentPage.model_construct(
        experiments=experiments.by_ids(engine, found.ids), next_page_token=found.next_page_token
    )


def search_runs(engine: Engine, request: SearchRuns) -> RunPage:
    """Return a page of runs. Raises NotFound for an experiment name that nobody bears."""
    search = RunSearch(
        experiment_ids=experiments_named(engine, request.experiment_ids, request.experiment_names),
        filter=request.filter,
        order_by=tuple(request.order_by),
        view=request.view,
        limit=request.limit,
        page_token=request.page_token,
        offset=request.offset,
    )
    found = _run_page(engine, search)
    return found if request.keys is None else _with_keys(found, request.keys)


def _run_page(engine: Engine, search: RunSearch) -> RunPage:
    leading = leading_runs(engine, search)
    if leading is not None:
        return leading
    found = _page(engine, search_runs_statement(search))
    return RunPage.model_construct(runs=runs.by_ids(engine, found.ids), next_page_token=found.next_page_token)


def best_runs(engine: Engine, request: BestRuns) -> RunList:
    """Return the best active runs, among equals the newest first.

    Runs without the metric, or whose latest value is NaN, are not among them; infinities are values. Raises
    NotFound for an experiment name that nobody bears.
    """
    metric = request.metric.replace('"', '""')
    search = RunSearch(
        experiment_ids=experiments_named(engine, request.experiment_ids, request.experiment_names),
        filter=request.filter,
        order_by=(f'metrics."{metric}" {"ASC" if request.mode == "min" else "DESC"}',),
        limit=request.top,
    )
    found = _run_page(engine, search).runs
    ranked = [run for run in found if _has_number(run, request.metric)]
    return RunList.model_construct(runs=ranked)


def _with_keys(found: RunPage, keys: Sequence[str]) -> RunPage:
    """Leave out all params, metrics and tags but these."""
    wanted: dict[str, set[str]] = {"params": set(), "metrics": set(), "tags": set()}
    for name in keys:
        part, _, key = name.partition(".")
        if part not in wanted or not key:
            raise InvalidInput("keys", name, "params.KEY, metrics.KEY or tags.KEY, the key without quotes")
        wanted[part].add(key)
    kept = [
        run.model_copy(
            update={
                part: {key: value for key, value in getattr(run, part).items() if key in of_part}
                for part, of_part in wanted.items()
            }
        )
        for run in found.runs
    ]
    return RunPage.model_construct(runs=kept, next_page_token=found.next_page_token)


def _has_number(run: Run, metric: str) -> bool:
    latest = run.metrics.get(metric)
    return latest is not None and not math.isnan(latest["value"])


def _page(engine: Engine, statement: Statement) -> Page:
    return page(statement, select(engine, statement.sql, statement.parameters))


def experiments_named(
    engine: Engine, ids: Sequence[str] | None, names: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Return the ids of all experiments that a request names one way or the other; None for any.

    Raises NotFound for a name that nobody bears.
    """
    if ids is None and names is None:
        return None
    named = experiments.by_names(engine, names or (), experiments.LIVING)
    unknown = set(names or ()) - {experiment.name for experiment in named}
    if unknown:
        raise NotFound(f"no experiment named {', '.join(map(repr, sorted(unknown)))}")
    return tuple(dict.fromkeys([*(ids or ()), *(experiment.experiment_id for experiment in named)]))
