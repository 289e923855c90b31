"""What garbage collection may take: entities that have been deleted for long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

_DELETED = """
    WITH gone AS
    (
        SELECT experiment_id FROM experiments FINAL
        WHERE lifecycle_stage = 'deleted' AND toUnixTimestamp64Milli(updated_at) <= {before:Int64}
    )
    SELECT
        (SELECT arraySort(groupArray(experiment_id)) FROM gone),
        (
            SELECT arraySort(groupArray(run_id)) FROM runs FINAL
            WHERE lifecycle_stage != 'purged'
                AND (experiment_id IN gone OR (lifecycle_stage = 'deleted' AND deleted_at <= {before:Int64}))
        )
"""


class Deleted(NamedTuple):
    """Ids, sorted."""

    experiments: list[str]
    runs: list[str]


def deleted_before(engine: Engine, before: int) -> Deleted:
    """Return what was deleted at or before `before` (milliseconds), and all runs of those experiments."""
    experiments, runs = select(engine, _DELETED, {"before": before})[0]
    return Deleted(list(experiments), list(runs))
