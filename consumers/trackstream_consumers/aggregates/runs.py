"""Runs: a row each, and their params and tags laid out for search."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import purge, rows
from trackstream_consumers.aggregates.port import fold_records
from trackstream_consumers.folds import run
from trackstream_consumers.folds.run import RunState
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

RUNS = pa.schema(
    {
        "run_id": pa.string(),
        "experiment_id": pa.string(),
        "name": pa.string(),
        "user_id": pa.string(),
        "status": pa.string(),
        "stray_status": pa.string(),
        "lifecycle_stage": pa.string(),
        "start_time": pa.int64(),
        "end_time": pa.int64(),
        "deleted_at": pa.int64(),
        "params": rows.STRING_MAP,
        "tags": rows.STRING_MAP,
        "inputs": pa.string(),
        "model_inputs": rows.STRINGS,
        "model_outputs": pa.string(),
        "conflicts": rows.STRINGS,
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
RUN_VALUES = pa.schema(
    {
        "key": pa.string(),
        "run_id": pa.string(),
        "value": pa.string(),
        "version": pa.uint64(),
        "is_deleted": pa.uint8(),
    }
)
SELECT = f"SELECT {', '.join(RUNS.names)} FROM runs FINAL WHERE run_id IN {{ids:Array(String)}}"

_Touched = dict[tuple[str, str], int]
"""(run_id, key) to the version of the run with the last event that touched the key."""


def state_rows(states: Iterable[RunState]) -> pa.Table:
    """Return rows of the table `runs`."""
    found = []
    for state in states:
        values = rows.state_values(state)
        for name in ("inputs", "model_outputs"):
            values[name] = json.dumps([asdict(item) for item in values[name]], ensure_ascii=False)
        found.append(values)
    return rows.table(RUNS, found)


def state_of(row: Sequence[Any]) -> RunState:
    """Return the state that a row of SELECT holds."""
    values = dict(zip(RUNS.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    values["inputs"] = tuple(e.DatasetInput(**item) for item in json.loads(values["inputs"] or "[]"))
    values["model_inputs"] = tuple(values["model_inputs"])
    values["model_outputs"] = tuple(
        e.ModelOutput(**item) for item in json.loads(values["model_outputs"] or "[]")
    )
    return RunState(**values)


class Runs:
    """The aggregate of `trackstream.runs`."""

    topic = topics.RUNS

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states, steps = fold_records(engine, records, SELECT, state_of, run.fold)
        # A value is written whenever an event of the batch touches it, even if the batch as a whole leaves
        # it as it was: the rows of an earlier, killed attempt at these events may say otherwise.
        params: _Touched = {}
        tags: _Touched = {}
        for step in steps:
            run_id, body = step.record.key, step.record.event.body
            assert isinstance(body, e.RunBody)
            params |= {(run_id, key): step.after.version for key in run.touched_params(step.before, body)}
            tags |= {(run_id, key): step.after.version for key in run.touched_tags(step.before, body)}
        purge.forget(engine, [record.key for record in records if isinstance(record.event.body, e.RunPurged)])
        return {
            "run_params": _value_rows(params, {run_id: state.params for run_id, state in states.items()}),
            "run_tags": _value_rows(tags, {run_id: state.tags for run_id, state in states.items()}),
            "runs": state_rows(states.values()),
        }


def _value_rows(touched: _Touched, values: Mapping[str, Mapping[str, str]]) -> pa.Table:
    """Return rows of `run_params` or `run_tags`; a touched key without a value is gone."""
    found = [
        {
            "key": key,
            "run_id": run_id,
            "value": values[run_id].get(key, ""),
            "version": version,
            "is_deleted": int(key not in values[run_id]),
        }
        for (run_id, key), version in touched.items()
    ]
    return rows.table(RUN_VALUES, found)
