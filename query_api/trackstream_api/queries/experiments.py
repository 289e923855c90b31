"""Experiments by id and by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.models.experiments import ActiveExperiment, Activity, Experiment
from trackstream_api.queries.execution import select
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trackstream_consumers.engine import Engine

LIVING = ("active", "deleted")
"""The lifecycle stages of experiments that are not gone for good."""

_COLUMNS = """
    experiment_id, name, artifact_location, lifecycle_stage,
    toUnixTimestamp64Milli(created_at), toUnixTimestamp64Milli(updated_at), tags, conflicts
"""
# Else only stray events are known, that came before the creation.
_CREATED = "toUnixTimestamp64Milli(created_at) > 0"


def by_ids(engine: Engine, experiment_ids: Sequence[str]) -> list[Experiment]:
    """Return the experiments with these ids in the order of the ids; ids that are not there are left out."""
    if not experiment_ids:
        return []
    sql = f"""
        SELECT {_COLUMNS} FROM experiments FINAL
        WHERE experiment_id IN {{ids:Array(String)}} AND lifecycle_stage != 'purged' AND {_CREATED}
    """
    found = {row[0]: _experiment(row) for row in select(engine, sql, {"ids": list(experiment_ids)})}
    return [found[wanted] for wanted in experiment_ids if wanted in found]


def get(engine: Engine, experiment_id: str) -> Experiment:
    """Return one experiment, active or deleted. Raises NotFound."""
    found = by_ids(engine, [experiment_id])
    if not found:
        raise NotFound(f"no experiment with id {experiment_id!r}")
    return found[0]


def by_names(engine: Engine, names: Sequence[str], stages: Sequence[str]) -> list[Experiment]:
    """Return the experiments of these lifecycle stages that bear one of these names, by name.

    A name is borne twice only where a race was lost (see Experiment.conflicts); the winner comes first.
    """
    if not names:
        return []
    sql = f"""
        SELECT {_COLUMNS} FROM experiments FINAL
        WHERE name IN {{names:Array(String)}} AND lifecycle_stage IN {{stages:Array(String)}} AND {_CREATED}
        ORDER BY name, length(conflicts), created_at, experiment_id
    """
    rows = select(engine, sql, {"names": list(names), "stages": list(stages)})
    return [_experiment(row) for row in rows]


def with_activity(engine: Engine, found: Sequence[Experiment]) -> list[ActiveExperiment]:
    """Return the experiments with what goes on in them: one statement, however many there are."""
    sql = """
        SELECT experiment_id, count(), countIf(status IN ('RUNNING', 'SCHEDULED')),
            max(greatest(start_time, ifNull(end_time, 0)))
        FROM runs FINAL
        WHERE experiment_id IN {ids:Array(String)} AND lifecycle_stage = 'active' AND status != 'UNSTARTED'
        GROUP BY experiment_id
    """
    ids = [experiment.experiment_id for experiment in found]
    activity = {
        row[0]: Activity(run_count=row[1], running=row[2], last_activity=row[3])
        for row in (select(engine, sql, {"ids": ids}) if ids else ())
    }
    idle = Activity(run_count=0, running=0, last_activity=None)
    return [
        ActiveExperiment.model_construct(
            **dict(experiment), activity=activity.get(experiment.experiment_id, idle)
        )
        for experiment in found
    ]


def names_of(engine: Engine, experiment_ids: Collection[str]) -> dict[str, str]:
    """Return the names of those of these experiments that are known."""
    sql = "SELECT experiment_id, name FROM experiments FINAL WHERE experiment_id IN {ids:Array(String)}"
    return dict(select(engine, sql, {"ids": list(experiment_ids)}))  # type: ignore[arg-type]


def ids_held(engine: Engine, experiment_ids: Sequence[str]) -> set[str]:
    """Return which of these ids some experiment has or had, purged ones included."""
    sql = f"""
        SELECT experiment_id FROM experiments FINAL
        WHERE experiment_id IN {{ids:Array(String)}} AND {_CREATED}
    """
    return {row[0] for row in select(engine, sql, {"ids": list(experiment_ids)})}


def _experiment(row: Sequence[Any]) -> Experiment:
    return Experiment.model_construct(
        experiment_id=row[0],
        name=row[1],
        artifact_location=row[2] or None,
        lifecycle_stage=row[3],
        created_at=row[4],
        updated_at=row[5],
        tags=row[6],
        conflicts=[json.loads(conflict) for conflict in row[7]],
    )
