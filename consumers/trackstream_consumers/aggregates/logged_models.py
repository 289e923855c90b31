"""Logged models: a row each, and a row for each measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import purge, rows
from trackstream_consumers.aggregates.port import fold_records
from trackstream_consumers.folds import logged_model
from trackstream_consumers.folds.logged_model import LoggedModelState
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

LOGGED_MODELS = pa.schema(
    {
        "model_id": pa.string(),
        "experiment_id": pa.string(),
        "name": pa.string(),
        "source_run_id": pa.string(),
        "model_type": pa.string(),
        "status": pa.string(),
        "lifecycle_stage": pa.string(),
        "created_at": pa.int64(),
        "updated_at": pa.int64(),
        "params": rows.STRING_MAP,
        "tags": rows.STRING_MAP,
        "conflicts": rows.STRINGS,
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
METRICS = pa.schema(
    {
        "model_id": pa.string(),
        "key": pa.string(),
        "step": pa.int64(),
        "timestamp": pa.int64(),
        "value": pa.float64(),
        "run_id": pa.string(),
        "dataset_name": pa.string(),
        "dataset_digest": pa.string(),
        "producer_id": pa.string(),
        "sequence": pa.uint64(),
        "point": pa.uint32(),
    }
)
SELECT = (
    f"SELECT {', '.join(LOGGED_MODELS.names)} FROM logged_models FINAL"
    " WHERE model_id IN {ids:Array(String)}"
)


def state_rows(states: Iterable[LoggedModelState]) -> pa.Table:
    """Return rows of the table `logged_models`."""
    return rows.table(LOGGED_MODELS, [rows.state_values(state) for state in states])


def state_of(row: Sequence[Any]) -> LoggedModelState:
    """Return the state that a row of SELECT holds."""
    values = dict(zip(LOGGED_MODELS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    return LoggedModelState(**values)


class LoggedModels:
    """The aggregate of `trackstream.logged-models`."""

    topic = topics.LOGGED_MODELS

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states, _ = fold_records(engine, records, SELECT, state_of, logged_model.fold)
        purge.forget_models(
            engine,
            [record.key for record in records if isinstance(record.event.body, e.LoggedModelPurged)],
        )
        living = [record for record in records if states[record.key].lifecycle_stage != "purged"]
        # A point's key is its identity, so a point that comes again replaces itself.
        return {"logged_model_metrics": _metric_rows(living), "logged_models": state_rows(states.values())}


def _metric_rows(records: Iterable[Record]) -> pa.Table:
    found = [
        {
            "model_id": body.model_id,
            "key": metric.key,
            "step": metric.step,
            "timestamp": metric.timestamp,
            "value": metric.value,
            "run_id": body.run_id,
            "dataset_name": metric.dataset_name or "",
            "dataset_digest": metric.dataset_digest or "",
            "producer_id": record.event.envelope.producer_id,
            "sequence": record.event.envelope.sequence,
            "point": point,
        }
        for record in records
        if isinstance(body := record.event.body, e.LoggedModelMetricsLogged)
        for point, metric in enumerate(body.metrics)
    ]
    return rows.table(METRICS, found)
