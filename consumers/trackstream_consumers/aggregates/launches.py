"""Launches of projects: a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trackstream_consumers import rows
from trackstream_consumers.aggregates.port import fold_records
from trackstream_consumers.folds import launch
from trackstream_consumers.folds.launch import LaunchState
from trackstream_schemas import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

LAUNCHES = pa.schema(
    {
        "launch_id": pa.string(),
        "state": pa.string(),
        "run_id": pa.string(),
        "experiment_id": pa.string(),
        "uri": pa.string(),
        "entry_point": pa.string(),
        "project_version": pa.string(),
        "parameters": rows.STRING_MAP,
        "backend": pa.string(),
        "backend_config": pa.string(),
        "env_manager": pa.string(),
        "docker_args": rows.STRING_MAP,
        "storage_dir": pa.string(),
        "queue": pa.string(),
        "max_attempts": pa.int32(),
        "retry_of": pa.string(),
        "parent_launch_id": pa.string(),
        "user_id": pa.string(),
        "attempts": pa.int32(),
        "claim_id": pa.string(),
        "host": pa.string(),
        "pid": pa.int64(),
        "heartbeat_s": pa.float64(),
        "cancel_requested": pa.bool_(),
        "lost": pa.bool_(),
        "project": pa.string(),
        "environment": pa.string(),
        "environment_key": pa.string(),
        "source": pa.string(),
        "commit": pa.string(),
        "dirty": pa.bool_(),
        "image": pa.string(),
        "handle": pa.string(),
        "command": pa.string(),
        "exit_code": pa.int32(),
        "reason": pa.string(),
        "requested_at": pa.int64(),
        "claimed_at": pa.int64(),
        "prepared_at": pa.int64(),
        "started_at": pa.int64(),
        "ended_at": pa.int64(),
        "last_seen": pa.int64(),
        "conflicts": rows.STRINGS,
        "applied": rows.SEQUENCES,
        "partition": pa.uint16(),
        "version": pa.uint64(),
    }
)
SELECT = f"SELECT {', '.join(LAUNCHES.names)} FROM launches FINAL WHERE launch_id IN {{ids:Array(String)}}"


def state_rows(states: Iterable[LaunchState]) -> pa.Table:
    """Return rows of the table `launches`."""
    return rows.table(LAUNCHES, [rows.state_values(state) for state in states])


def state_of(row: Sequence[Any]) -> LaunchState:
    """Return the state that a row of SELECT holds."""
    values = dict(zip(LAUNCHES.names, row, strict=True))
    values["conflicts"] = tuple(values["conflicts"])
    return LaunchState(**values)


class Launches:
    """The aggregate of `trackstream.launches`."""

    topic = topics.LAUNCHES

    def project(self, engine: Engine, records: Sequence[Record]) -> Mapping[str, pa.Table]:
        states, _ = fold_records(engine, records, SELECT, state_of, launch.fold)
        return {"launches": state_rows(states.values())}
