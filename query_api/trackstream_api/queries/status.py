"""How much the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

_COUNTS = """
    SELECT
        (SELECT count() FROM metric_points FINAL),
        (SELECT count() FROM runs FINAL WHERE status != 'UNSTARTED' AND lifecycle_stage != 'purged'),
        (
            SELECT count() FROM experiments FINAL
            WHERE lifecycle_stage != 'purged' AND toUnixTimestamp64Milli(created_at) > 0
        ),
        (
            SELECT count() FROM dead_letters FINAL
            WHERE (topic, partition, offset) NOT IN
                (SELECT topic, partition, offset FROM dead_letter_resolutions)
        )
"""


class Counts(NamedTuple):
    """Rows as readers see them."""

    points: int
    runs: int
    experiments: int
    dead_letters: int


def counts(engine: Engine) -> Counts:
    """Return how many points, runs, experiments and dead letters there are."""
    return Counts(*select(engine, _COUNTS, {})[0])
