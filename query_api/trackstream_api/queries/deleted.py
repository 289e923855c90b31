"""What garbage collection may take: entities that have been deleted for long enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

# What belongs to an experiment goes with it, also what came in behind its purge.
_DELETED = """
    WITH
        doomed AS
        (
            SELECT experiment_id FROM experiments FINAL
            WHERE lifecycle_stage = 'deleted' AND toUnixTimestamp64Milli(updated_at) <= {before:Int64}
        ),
        gone AS
        (
            SELECT experiment_id FROM doomed
            UNION ALL
            SELECT experiment_id FROM experiments FINAL WHERE lifecycle_stage = 'purged'
        )
    SELECT
        (SELECT arraySort(groupArray(experiment_id)) FROM doomed),
        (
            SELECT arraySort(groupArray(run_id)) FROM runs FINAL
            WHERE lifecycle_stage != 'purged'
                AND (experiment_id IN gone OR (lifecycle_stage = 'deleted' AND deleted_at <= {before:Int64}))
        ),
        (
            SELECT arraySort(groupArray(model_id)) FROM logged_models FINAL
            WHERE lifecycle_stage != 'purged'
                AND (experiment_id IN gone OR (lifecycle_stage = 'deleted' AND updated_at <= {before:Int64}))
        ),
        (
            SELECT arraySort(groupArray(trace_id)) FROM traces FINAL
            WHERE lifecycle_stage != 'deleted' AND experiment_id IN gone
        )
"""


class Deleted(NamedTuple):
    """Ids, sorted."""

    experiments: list[str]
    runs: list[str]
    logged_models: list[str]
    traces: list[str]

    @property
    def owners(self) -> list[str]:
        """All that can own artifacts."""
        return [*self.runs, *self.logged_models, *self.traces]


def deleted_before(engine: Engine, before: int) -> Deleted:
    """Return what was deleted at or before `before` (milliseconds), and what belongs to those experiments."""
    return Deleted(*map(list, select(engine, _DELETED, {"before": before})[0]))
