"""Runs by id, with their latest metrics."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from trackstream_api.models.runs import LatestMetric, Run
from trackstream_api.queries import experiments
from trackstream_api.queries.execution import select, select_both
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

# Three statements, not one with joins: that takes twice as long for one run as for a page of them.
_RUNS = """
    SELECT
        run_id, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time,
        params, tags, inputs, conflicts, model_inputs, model_outputs
    FROM runs FINAL
    WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
"""
# Without FINAL, which reads whole blocks of every metric: of a million runs that takes seven times as long.
_LATEST = """
    SELECT run_id, key, value, step, timestamp FROM
    (
        SELECT run_id, key, value, step, timestamp, is_deleted FROM latest_metrics
        WHERE run_id IN {ids:Array(String)} ORDER BY rank DESC LIMIT 1 BY run_id, key
    )
    WHERE NOT is_deleted ORDER BY key
"""


def by_ids(engine: Engine, run_ids: Sequence[str]) -> list[Run]:
    """Return the runs with these ids in the order of the ids; ids that are not there are left out."""
    if not run_ids:
        return []
    found, values = select_both(engine, _RUNS, _LATEST, {"ids": list(run_ids)})
    rows = {row[0]: row for row in found}
    if not rows:
        return []
    names = experiments.names_of(engine, {row[1] for row in rows.values()})
    latest: defaultdict[str, dict[str, LatestMetric]] = defaultdict(dict)
    for run_id, key, value, step, timestamp in values:
        latest[run_id][key] = LatestMetric(value=value, step=step, timestamp=timestamp)
    return [
        _run(rows[run_id], names.get(rows[run_id][1], ""), latest.get(run_id, {}))
        for run_id in run_ids
        if run_id in rows
    ]


def get(engine: Engine, run_id: str) -> Run:
    """Return one run, active or deleted. Raises NotFound."""
    found = by_ids(engine, [run_id])
    if not found:
        raise NotFound(f"no run with id {run_id!r}")
    return found[0]


def stage_of(engine: Engine, run_id: str) -> str:
    """Return a run's lifecycle stage, active or deleted. Raises NotFound."""
    sql = """
        SELECT lifecycle_stage FROM runs FINAL
        WHERE run_id = {id:String} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
    """
    rows = select(engine, sql, {"id": run_id})
    if not rows:
        raise NotFound(f"no run with id {run_id!r}")
    return str(rows[0][0])


def ids_in(engine: Engine, experiment_id: str, stage: str) -> list[str]:
    """Return the ids of an experiment's runs in a lifecycle stage, active or deleted."""
    sql = """
        SELECT run_id FROM runs FINAL
        WHERE experiment_id = {id:String} AND lifecycle_stage = {stage:String} AND status != 'UNSTARTED'
        ORDER BY run_id
    """
    return [row[0] for row in select(engine, sql, {"id": experiment_id, "stage": stage})]


def _run(row: Sequence[Any], experiment_name: str, latest: dict[str, LatestMetric]) -> Run:
    return Run.model_construct(
        run_id=row[0],
        experiment_id=row[1],
        experiment_name=experiment_name,
        name=row[2],
        user_id=row[3],
        status=row[4],
        lifecycle_stage=row[5],
        start_time=row[6],
        end_time=row[7],
        params=row[8],
        tags=row[9],
        metrics=latest,
        inputs=json.loads(row[10] or "[]"),
        model_inputs=row[12],
        model_outputs=json.loads(row[13] or "[]"),
        conflicts=[json.loads(conflict) for conflict in row[11]],
    )
