"""How much the store holds, and what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.models.admin import BlobCount, Storage, TableSize
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


_TABLES = """
    SELECT table, sum(rows), sum(bytes_on_disk) AS taken FROM system.parts
    WHERE active AND database = currentDatabase() GROUP BY table HAVING taken > 0 ORDER BY taken DESC, table
"""
_CONTENTS = "SELECT count(), sum(size) FROM (SELECT sha256, any(size) AS size FROM artifacts GROUP BY sha256)"


def storage(engine: Engine, log_bytes: int | None) -> Storage:
    """Return what the tables and the contents take, beside the log."""
    tables = [
        TableSize(table=name, rows=rows, bytes=taken) for name, rows, taken in select(engine, _TABLES, {})
    ]
    count, taken = select(engine, _CONTENTS, {})[0]
    return Storage(tables=tables, contents=BlobCount(count=count, bytes=taken), log_bytes=log_bytes)
