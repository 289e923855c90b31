"""Metric points and the latest value of each metric: the hot path.

A batch of records becomes one Arrow table and one insert. Both tables are safe under repetition by
their keys alone (a point by its identity, a latest value by its rank), so nothing is loaded first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trackstream_consumers import store
from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.projectors.latest import latest_points, rank
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition


class MetricProjector:
    """Appends points; forgets nothing, looks up nothing."""

    name = "metrics"
    topics = (topics.METRICS,)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def positions(self) -> dict[TopicPartition, int]:
        return store.positions(self._engine, self.name)

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is kept outside the store."""

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        points, latest = tables(records)
        store.insert(self._engine, "metric_points", points)
        store.insert(self._engine, "latest_metrics", latest)
        store.save_positions(self._engine, self.name, reached)
        return int(points.num_rows)


def tables(records: Sequence[Record]) -> tuple[pa.Table, pa.Table]:
    """Return the rows of `metric_points` and of `latest_metrics` for the batches in `records`."""
    batches: list[e.MetricsLogged] = []
    keys, runs, writers, producers = _Names(), _Names(), _Names(), _Names()
    run_of, writer_of, producer_of, sequences = [], [], [], []
    key_columns = []
    for record in records:
        batch, envelope = record.event.body, record.event.envelope
        if not isinstance(batch, e.MetricsLogged):
            error = MalformedEvent("event", type(batch).__name__, "MetricsLogged")
            raise DeadLetter(record.position, error)
        batches.append(batch)
        run_of.append(runs.index(batch.run_id))
        writer_of.append(writers.index(batch.writer))
        producer_of.append(producers.index(envelope.producer_id))
        sequences.append(envelope.sequence)
        numbers = np.array([keys.index(key) for key in batch.keys], dtype=np.int32)
        key_columns.append(numbers[batch.key_index] if len(batch) else batch.key_index)
    counts = np.array([len(batch) for batch in batches], dtype=np.int64)
    key_column = _joined(key_columns, np.int32)
    steps = _joined([batch.steps for batch in batches], np.int64)
    timestamps = _joined([batch.timestamps for batch in batches], np.int64)
    values = _joined([batch.values for batch in batches], np.float64)
    run_column = np.repeat(np.array(run_of, dtype=np.int32), counts)
    starts = np.cumsum(counts) - counts
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
        }
    )
    groups = run_column.astype(np.int64) * len(keys) + key_column
    chosen = latest_points(groups, steps, timestamps, values)
    steps, timestamps, values = steps[chosen], timestamps[chosen], values[chosen]
    latest = pa.table(
        {
            "key": keys.column(key_column[chosen]),
            "run_id": runs.column(run_column[chosen]),
            "value": values,
            "step": steps,
            "timestamp": timestamps,
            "rank": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(32), len(chosen), [None, pa.py_buffer(rank(steps, timestamps, values).tobytes())]
            ),
        }
    )
    return points, latest


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
