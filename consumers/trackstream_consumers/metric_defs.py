"""What a consumer counts: each name preceded by its kind and meaning. All carry the label `projector`.

Rows per second are the rate of `trackstream_rows_projected_total`.
"""

from __future__ import annotations

from typing import Literal

MetricName = Literal[
    # Counter: records taken off the log and projected or given up.
    "trackstream_records_projected_total",
    # Counter: rows (metric points, entity rows ...) written by way of them.
    "trackstream_rows_projected_total",
    # Counter: batches written.
    "trackstream_flushes_total",
    # Counter: seconds spent writing them.
    "trackstream_flush_seconds_total",
    # Gauge: seconds that the last batch took to write.
    "trackstream_last_flush_seconds",
    # Gauge: records in it.
    "trackstream_batch_records",
    # Counter: records given up.
    "trackstream_dead_letters_total",
    # Counter: records that retention removed before they were projected, gone over with --accept-loss.
    "trackstream_records_lost_total",
    # Counter: batches that had to be tried again because a store could not take them.
    "trackstream_retries_total",
    # Gauge: seconds since the log took the oldest record that was read and is not yet projected; 0: none.
    "trackstream_lag_seconds",
    # Gauge: 1 while the consumer runs, 0 when it was stopped or has failed.
    "trackstream_consumer_up",
]

PartitionMetricName = Literal[
    # Gauge, by topic and partition too: records on the log that are not projected, of the partitions that
    # this process reads.
    "trackstream_partition_lag_records",
    # Gauge, likewise: first offset that is not projected.
    "trackstream_partition_position",
]
