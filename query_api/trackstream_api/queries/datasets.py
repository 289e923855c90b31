"""The data sets that runs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_CONTEXT_TAG = "mlflow.data.context"


class DatasetSummary(NamedTuple):
    """A data set as runs of an experiment read it in one context."""

    experiment_id: str
    name: str
    digest: str
    context: str | None


def datasets_of(engine: Engine, experiment_ids: Sequence[str], limit: int) -> list[DatasetSummary]:
    """Return the distinct data sets that runs of these experiments read, at most `limit`."""
    sql = """
        SELECT DISTINCT
            experiment_id,
            JSONExtractString(input, 'name') AS name,
            JSONExtractString(input, 'digest') AS digest,
            if(JSONHas(input, 'tags', {tag:String}), JSONExtractString(input, 'tags', {tag:String}), NULL)
        FROM runs FINAL ARRAY JOIN JSONExtractArrayRaw(inputs) AS input
        WHERE experiment_id IN {ids:Array(String)} AND lifecycle_stage != 'purged'
        ORDER BY experiment_id, name, digest LIMIT {limit:UInt32}
    """
    rows = select(engine, sql, {"ids": list(experiment_ids), "tag": _CONTEXT_TAG, "limit": limit})
    return [DatasetSummary(*row) for row in rows]
