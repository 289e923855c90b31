"""Runs by id, with their latest metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.models.runs import LatestMetric, Run
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_BY_IDS = """
    SELECT
        r.run_id, r.experiment_id, e.name, r.name, r.user_id, r.status, r.lifecycle_stage,
        r.start_time, r.end_time, r.params, r.tags, r.inputs, r.conflicts, m.latest
    FROM
    (
        SELECT * FROM runs FINAL
        WHERE run_id IN {ids:Array(String)} AND status != 'UNSTARTED' AND lifecycle_stage != 'purged'
    ) AS r
    LEFT JOIN
    (
        SELECT experiment_id, name FROM experiments FINAL
        WHERE experiment_id IN (SELECT experiment_id FROM runs WHERE run_id IN {ids:Array(String)})
    ) AS e ON e.experiment_id = r.experiment_id
    LEFT JOIN
    (
        SELECT run_id, groupArray((key, value, step, timestamp)) AS latest
        FROM (SELECT * FROM latest_metrics FINAL WHERE run_id IN {ids:Array(String)} ORDER BY key)
        GROUP BY run_id
    ) AS m ON m.run_id = r.run_id
"""


def by_ids(engine: Engine, run_ids: Sequence[str]) -> list[Run]:
    """Return the runs with these ids in the order of the ids; ids that are not there are left out."""
    if not run_ids:
        return []
    found = {row[0]: _run(row) for row in select(engine, _BY_IDS, {"ids": list(run_ids)})}
    return [found[wanted] for wanted in run_ids if wanted in found]


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


def _run(row: Sequence[Any]) -> Run:
    return Run.model_construct(
        run_id=row[0],
        experiment_id=row[1],
        experiment_name=row[2],
        name=row[3],
        user_id=row[4],
        status=row[5],
        lifecycle_stage=row[6],
        start_time=row[7],
        end_time=row[8],
        params=row[9],
        tags=row[10],
        inputs=json.loads(row[11] or "[]"),
        conflicts=[json.loads(conflict) for conflict in row[12]],
        metrics={
            key: LatestMetric(value=value, step=step, timestamp=timestamp)
            for key, value, step, timestamp in row[13]
        },
    )
