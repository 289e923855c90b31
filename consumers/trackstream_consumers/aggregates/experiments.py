"""Experiments: a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import rows
from trackstream_consumers.aggregates.port import fold_records
from trackstream_consumers.folds import experiment
from trackstream_consumers.folds.experiment import ExperimentState
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

EXPERIMENTS = pa.schema(
    {
        "experiment_id": pa.string(),
        "name": pa.string(),
        "artifact_location": pa.string(),
        "lifecycle_stage": pa.string(),
        "created_at": rows.MOMENT,
        "updated_at": rows.MOMENT,
        "tags": rows.STRING_MAP,
        "conflicts": rows.STRINGS,
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
# States hold times as integers; the engine's client would make datetimes of them.
_COLUMNS = ", ".join(
    f"toUnixTimestamp64Milli({name})" if name.endswith("_at") else name for name in EXPERIMENTS.names
)
SELECT = f"SELECT {_COLUMNS} FROM experiments FINAL WHERE experiment_id IN {{ids:Array(String)}}"


def state_rows(states: Iterable[ExperimentState]) -> pa.Table:
    """Return rows of the table `experiments`."""
    return rows.table(EXPERIMENTS, [rows.state_values(state) for state in states])


def state_of(row: Sequence[Any]) -> ExperimentState:
    """Return the state that a row of SELECT holds."""
    values = dict(zip(EXPERIMENTS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    return ExperimentState(**values)


class Experiments:
    """The aggregate of `trackstream.experiments`."""

    topic = topics.EXPERIMENTS

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states, _ = fold_records(engine, records, SELECT, state_of, experiment.fold)
        return {"experiments": state_rows(states.values())}
