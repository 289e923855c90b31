"""Batches of points as rows of the tables of points and latest values: by columns, no Python per point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from trackstream_consumers.projectors.latest import latest_points, rank
from trackstream_consumers.rollups import roll_up
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trackstream_consumers.records import Record

_LAST_OFFSET = np.uint64(2**64 - 1)
_ORIGIN = ["run_id", "key", "writer", "producer_id", "sequence", "point", "partition", "earliness"]


class NewestBranch(NamedTuple):
    """What the newest branch of a rewound run shows of one batch."""

    number: int
    from_step: int | None
    """First step of the batch that it does not show; None: it shows all."""


class MetricRows(NamedTuple):
    """What is inserted for some batches, by table."""

    rollups: pa.Table
    points: pa.Table
    latest: pa.Table


def metric_rows(
    records: Sequence[Record], newest_branch: Callable[[Record], NewestBranch | None]
) -> MetricRows:
    """Return the rows for `records`, all of MetricsLogged.

    `newest_branch` tells of a record whose run was rewound what counts for the latest value; None: all, on
    branch 0.
    """
    batches: list[e.MetricsLogged] = []
    keys, runs, writers, producers = _Names(), _Names(), _Names(), _Names()
    run_of, writer_of, producer_of, sequences, partitions, offsets = [], [], [], [], [], []
    key_columns, group_columns = [], []
    groups_before = 0
    rewound: list[tuple[int, NewestBranch]] = []
    for number, record in enumerate(records):
        batch, envelope = record.event.body, record.event.envelope
        assert isinstance(batch, e.MetricsLogged)
        batches.append(batch)
        run_of.append(runs.index(batch.run_id))
        writer_of.append(writers.index(batch.writer))
        producer_of.append(producers.index(envelope.producer_id))
        sequences.append(envelope.sequence)
        partitions.append(record.position.partition)
        offsets.append(record.position.offset)
        numbers = np.array([keys.index(key) for key in batch.keys], dtype=np.int32)
        key_columns.append(numbers[batch.key_index] if len(batch) else batch.key_index)
        group_columns.append(batch.key_index + np.int64(groups_before))
        groups_before += len(batch.keys)
        branch = newest_branch(record)
        if branch is not None:
            rewound.append((number, branch))
    counts = np.array([len(batch) for batch in batches], dtype=np.int64)
    key_column = _joined(key_columns, np.int32)
    steps = _joined([batch.steps for batch in batches], np.int64)
    timestamps = _joined([batch.timestamps for batch in batches], np.int64)
    values = _joined([batch.values for batch in batches], np.float64)
    run_column = np.repeat(np.array(run_of, dtype=np.int32), counts)
    starts = np.cumsum(counts) - counts
    rolled, stretches = roll_up(_joined(group_columns, np.int64), steps, timestamps, values)
    points = pa.table(
        {
            "run_id": runs.column(run_column),
            "key": keys.column(key_column),
            "step": steps,
            "timestamp": timestamps,
            "value": values,
            "writer": writers.column(np.repeat(np.array(writer_of, dtype=np.int32), counts)),
            "producer_id": producers.column(np.repeat(np.array(producer_of, dtype=np.int32), counts)),
            "sequence": np.repeat(np.array(sequences, dtype=np.uint64), counts),
            "point": (np.arange(len(values)) - np.repeat(starts, counts)).astype(np.uint32),
            "partition": np.repeat(np.array(partitions, dtype=np.uint16), counts),
            "earliness": np.repeat(_LAST_OFFSET - np.array(offsets, dtype=np.uint64), counts),
            "rolled": rolled,
        }
    )
    rollups = points.select(_ORIGIN).take(stretches.point)
    for name, column in stretches.columns().items():
        rollups = rollups.append_column(name, pa.array(column))
    # Numbers of branches of the batches; a run's batches of one call are all on its one newest branch.
    branch_of = np.zeros(len(batches), dtype=np.int64)
    shown = None
    if rewound:
        shown = np.ones(len(values), dtype=bool)
        for number, branch in rewound:
            branch_of[number] = branch.number
            if branch.from_step is not None:
                start = int(starts[number])
                end = start + int(counts[number])
                shown[start:end] = steps[start:end] < branch.from_step
    groups = run_column.astype(np.int64) * len(keys) + key_column
    latest = _latest(groups, steps, timestamps, values, shown)
    latest_table = latest_rows(
        keys.column(key_column[latest]),
        runs.column(run_column[latest]),
        steps[latest],
        timestamps[latest],
        values[latest],
        np.repeat(branch_of, counts)[latest] if rewound else np.zeros(len(latest), dtype=np.int64),
    )
    return MetricRows(rollups, points, latest_table)


def latest_rows(
    keys: pa.Array,
    runs: pa.Array,
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
    branches: NDArray[np.int64],
    is_deleted: int = 0,
) -> pa.Table:
    """Return rows of `latest_metrics`; all columns have shape (n,). `is_deleted`: there is no value now."""
    words = rank(branches, steps, timestamps, values, exists=not is_deleted)
    ranks = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(32), len(steps), [None, pa.py_buffer(words.tobytes())]
    )
    return pa.table(
        {
            "key": keys,
            "run_id": runs,
            "value": values,
            "step": steps,
            "timestamp": timestamps,
            "rank": ranks,
            "is_deleted": np.full(len(steps), is_deleted, dtype=np.uint8),
        }
    )


def _latest(
    groups: NDArray[np.int64],
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
    shown: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    if shown is None or shown.all():
        return latest_points(groups, steps, timestamps, values)
    left = np.flatnonzero(shown)
    chosen: NDArray[np.int64] = left[latest_points(groups[left], steps[left], timestamps[left], values[left])]
    return chosen


def _joined(columns: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(columns).astype(dtype, copy=False) if columns else np.empty(0, dtype=dtype)


class _Names:
    """Numbers distinct strings in the order in which they first come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def index(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def column(self, numbers: NDArray[np.int32]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(
            pa.array(numbers, pa.int32()), pa.array(list(self._numbers), pa.string())
        )
