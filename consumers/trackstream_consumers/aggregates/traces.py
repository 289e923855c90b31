"""Traces: a row each, with their assessments."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import purge, rows
from trackstream_consumers.aggregates.port import fold_records
from trackstream_consumers.folds import trace
from trackstream_consumers.folds.trace import TraceState
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

TRACES = pa.schema(
    {
        "trace_id": pa.string(),
        "experiment_id": pa.string(),
        "request_time": pa.int64(),
        "state": pa.string(),
        "execution_duration": pa.int64(),
        "client_request_id": pa.string(),
        "request_preview": pa.string(),
        "response_preview": pa.string(),
        "metadata": rows.STRING_MAP,
        "tags": rows.STRING_MAP,
        "assessments": pa.string(),
        "run_ids": rows.STRINGS,
        "prompts": rows.STRINGS,
        "lifecycle_stage": pa.string(),
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
SELECT = f"SELECT {', '.join(TRACES.names)} FROM traces FINAL WHERE trace_id IN {{ids:Array(String)}}"


def state_rows(states: Iterable[TraceState]) -> pa.Table:
    """Return rows of the table `traces`."""
    found = []
    for state in states:
        values = rows.state_values(state)
        values["assessments"] = json.dumps([asdict(item) for item in state.assessments], ensure_ascii=False)
        found.append(values)
    return rows.table(TRACES, found)


def state_of(row: Sequence[Any]) -> TraceState:
    """Return the state that a row of SELECT holds."""
    values = dict(zip(TRACES.names, row, strict=True))
    values["assessments"] = tuple(e.Assessment(**item) for item in json.loads(values["assessments"] or "[]"))
    values["run_ids"] = tuple(values["run_ids"])
    values["prompts"] = tuple(values["prompts"])
    return TraceState(**values)


class Traces:
    """The aggregate of `trackstream.traces`."""

    topic = topics.TRACES

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states, _ = fold_records(engine, records, SELECT, state_of, trace.fold)
        purge.forget_files(
            engine, [record.key for record in records if isinstance(record.event.body, e.TraceDeleted)]
        )
        return {"traces": state_rows(states.values())}
