"""Many runs at once: how many match, in which groups, and which keys they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.models.run_sets import RunCount, RunGroup, RunGroups, RunKeys
from trackstream_api.queries.execution import select
from trackstream_api.queries.search import experiments_named
from trackstream_api.search import RunSearch
from trackstream_api.search.compile_run_sets import count_runs_statement, group_runs_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.models.run_sets import CountRuns, GroupRuns
    from trackstream_consumers.engine import Engine

_KINDS = {"params": "run_params", "metrics": "latest_metrics", "tags": "run_tags"}
_MOST_KEYS = 5000
_NEWEST = 1000
"""Runs of the experiments whose keys are told: a set of so many ids is looked up by the tables' order."""


def count(engine: Engine, request: CountRuns) -> RunCount:
    """Return how many runs match. Raises as a search does."""
    ((found,),) = select(engine, *count_runs_statement(_search(engine, request)))
    return RunCount(count=found)


def groups(engine: Engine, request: GroupRuns) -> RunGroups:
    """Return the groups of the runs that match. Raises as a search does, and InvalidInput."""
    search = _search(engine, request, request.limit)
    rows = select(engine, *group_runs_statement(search, request.by, request.metric, request.mode))
    found = [
        RunGroup(
            value=value if has_value else None,
            count=runs,
            measured=numbers,
            best=best if numbers else None,
            best_run_id=best_run if numbers else None,
            mean=mean if numbers else None,
        )
        for has_value, value, runs, numbers, best, best_run, mean in rows[: request.limit]
    ]
    return RunGroups(groups=found, more=len(rows) > request.limit)


def keys(engine: Engine, experiment_ids: Sequence[str] | None) -> RunKeys:
    """Return the keys of all runs, or of the newest 1,000 runs of these experiments."""
    condition, parameters = "", {}
    if experiment_ids is not None:
        condition = (
            " WHERE run_id IN (SELECT run_id FROM runs WHERE experiment_id IN {ids:Array(String)}"
            f" ORDER BY start_time DESC LIMIT {_NEWEST})"
        )
        parameters = {"ids": list(experiment_ids)}
    # Without FINAL: a key that was taken away a moment ago does no harm here.
    sql = " UNION ALL ".join(
        f"SELECT '{kind}', key FROM"
        f" (SELECT DISTINCT key FROM {table}{condition} ORDER BY key LIMIT {_MOST_KEYS + 1})"
        for kind, table in _KINDS.items()
    )
    found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for kind, key in select(engine, sql, parameters):
        found[kind].append(key)
    more = any(len(of_kind) > _MOST_KEYS for of_kind in found.values())
    return RunKeys(**{kind: sorted(of_kind)[:_MOST_KEYS] for kind, of_kind in found.items()}, more=more)


def stages_of(engine: Engine, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the lifecycle stage of each of these runs that is there, active or deleted."""
    sql = """
        SELECT run_id, lifecycle_stage FROM runs FINAL
        WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
    """
    return dict(select(engine, sql, {"ids": list(run_ids)}))  # type: ignore[arg-type]


def _search(engine: Engine, request: CountRuns, limit: int = 1) -> RunSearch:
    experiment_ids = experiments_named(engine, request.experiment_ids, request.experiment_names)
    return RunSearch(experiment_ids, request.filter, view=request.view, limit=limit)
