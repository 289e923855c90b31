"""The latest metrics of a run as they were at an earlier offset, rewinds of that time included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.models.runs import LatestMetric
from trackstream_api.queries.execution import select
from trackstream_consumers.metric_branches import Rewind, branches
from trackstream_schemas import topics
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from trackstream_api.as_of.moment import Cut
    from trackstream_consumers.engine import Engine

_PARTITION = "SELECT partition FROM metric_events WHERE run_id = {run_id:String} LIMIT 1"
_REWINDS = """
    SELECT bitNot(earliness) AS at, producer_id, sequence, writer, step FROM rewinds FINAL
    WHERE run_id = {run_id:String} AND at < {end:UInt64}
"""
_FIRST_SEEN = """
    SELECT producer_id, bitNot(max(earliness)) AS at FROM metric_events
    WHERE run_id = {run_id:String} GROUP BY producer_id HAVING at < {end:UInt64}
"""
_LATEST = """
    SELECT key, value, step, timestamp
    FROM (SELECT *, bitNot(earliness) AS at FROM metric_points FINAL WHERE run_id = {run_id:String})
    WHERE at < {end:UInt64}
        AND NOT arrayExists(
            (producer, low, below, first) ->
                producer_id = producer AND sequence >= low AND sequence < below AND step >= first,
            {producers:Array(String)}, {lows:Array(UInt64)}, {belows:Array(UInt64)}, {steps:Array(Int64)}
        )
    ORDER BY key, step DESC, timestamp DESC, isNaN(value), value DESC, reinterpretAsUInt64(value)
    LIMIT 1 BY key
"""


def latest_at(engine: Engine, run_id: str, cut: Cut) -> dict[str, LatestMetric]:
    """Return the latest point of each metric among those before the cut."""
    found_in = select(engine, _PARTITION, {"run_id": run_id})
    if not found_in:
        return {}
    place = {"run_id": run_id, "end": cut.get(TopicPartition(topics.METRICS, found_in[0][0]), 0)}
    rewinds = [Rewind(*row) for row in select(engine, _REWINDS, place)]
    hidden = []
    if rewinds:
        found = branches(rewinds, {row[0]: row[1] for row in select(engine, _FIRST_SEEN, place)})
        hidden = found.hidden(found.newest)
    parameters = place | {
        "producers": [item.producer_id for item in hidden],
        "lows": [item.from_sequence for item in hidden],
        "belows": [item.below_sequence for item in hidden],
        "steps": [item.from_step for item in hidden],
    }
    return {
        key: LatestMetric(value=value, step=step, timestamp=timestamp)
        for key, value, step, timestamp in select(engine, _LATEST, parameters)
    }
