"""What writers say of themselves and of their run, as table rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow as pa

from trackstream_consumers import rows
from trackstream_schemas import events as e
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.records import Record

LAST_OFFSET = 2**64 - 1
_EVENTS = pa.schema(
    {
        "run_id": pa.string(),
        "producer_id": pa.string(),
        "sequence": pa.uint64(),
        "event_type": pa.string(),
        "writer": pa.string(),
        "points": pa.uint32(),
        "partition": pa.uint16(),
        "earliness": pa.uint64(),
    }
)
_REPORTS = pa.schema(
    {
        "run_id": pa.string(),
        "producer_id": pa.string(),
        "writer": pa.string(),
        "state": pa.string(),
        "started_at": pa.int64(),
        "reported_at": pa.int64(),
        "heartbeat_s": pa.float64(),
        "batches": pa.uint64(),
        "points": pa.uint64(),
        "points_by_key": rows.SEQUENCES,
        "run_events": pa.uint64(),
        "artifact_events": pa.uint64(),
        "first_sequence": pa.uint64(),
        "last_sequence": pa.uint64(),
        "lost_points": pa.uint64(),
        "lost_events": pa.uint64(),
        "sequence": pa.uint64(),
        "partition": pa.uint16(),
        "offset": pa.uint64(),
        "rank": pa.binary(16),
    }
)
_REWINDS = pa.schema(
    {
        "run_id": pa.string(),
        "producer_id": pa.string(),
        "sequence": pa.uint64(),
        "writer": pa.string(),
        "step": pa.int64(),
        "occurred_at": rows.MOMENT,
        "partition": pa.uint16(),
        "earliness": pa.uint64(),
    }
)


def event_rows(records: Sequence[Record]) -> pa.Table:
    """Return rows of `metric_events` for records of the metrics topic."""
    bodies = [record.event.body for record in records]
    columns = [
        pa.array([record.key for record in records], pa.string()),
        pa.array([record.event.envelope.producer_id for record in records], pa.string()),
        pa.array([record.event.envelope.sequence for record in records], pa.uint64()),
        pa.array([type(body).__name__ for body in bodies], pa.string()),
        pa.array([getattr(body, "writer", "") for body in bodies], pa.string()),
        pa.array([len(body) if isinstance(body, e.MetricsLogged) else 0 for body in bodies], pa.uint32()),
        pa.array([record.position.partition for record in records], pa.uint16()),
        pa.array([LAST_OFFSET - record.position.offset for record in records], pa.uint64()),
    ]
    return pa.Table.from_arrays(columns, schema=_EVENTS)


def check_report(report: e.WriterReported) -> None:
    """Raise MalformedEvent where a count is below 0 or a time is none."""
    counts = {
        "batches": report.batches,
        "run_events": report.run_events,
        "artifact_events": report.artifact_events,
        "first_sequence": report.first_sequence or 0,
        "last_sequence": report.last_sequence or 0,
        "lost_points": report.lost_points,
        "lost_events": report.lost_events,
    } | {f"points[{key!r}]": count for key, count in report.points.items()}
    for name, count in counts.items():
        if count < 0:
            raise MalformedEvent(name, count, "a count from 0")
    if not (math.isfinite(report.heartbeat_s) and report.heartbeat_s >= 0):
        raise MalformedEvent("heartbeat_s", report.heartbeat_s, "seconds from 0")
    if sum(report.points.values()) >= 2**64:
        raise MalformedEvent("points", sum(report.points.values()), "counts with a sum of 64 bits")


def report_rows(records: Sequence[Record]) -> pa.Table:
    """Return rows of `writer_reports`; other events than WriterReported are left out."""
    found = []
    for record in records:
        body, envelope, position = record.event.body, record.event.envelope, record.position
        if isinstance(body, e.WriterReported):
            rank = (envelope.sequence << 64) + LAST_OFFSET - position.offset
            found.append(
                {
                    "run_id": body.run_id,
                    "producer_id": envelope.producer_id,
                    "writer": body.writer,
                    "state": body.state,
                    "started_at": body.started_at,
                    "reported_at": envelope.occurred_at,
                    "heartbeat_s": body.heartbeat_s,
                    "batches": body.batches,
                    "points": sum(body.points.values()),
                    "points_by_key": body.points,
                    "run_events": body.run_events,
                    "artifact_events": body.artifact_events,
                    "first_sequence": body.first_sequence,
                    "last_sequence": body.last_sequence,
                    "lost_points": body.lost_points,
                    "lost_events": body.lost_events,
                    "sequence": envelope.sequence,
                    "partition": position.partition,
                    "offset": position.offset,
                    "rank": rank.to_bytes(16, "little"),
                }
            )
    return rows.table(_REPORTS, found)


def rewind_rows(records: Sequence[Record]) -> pa.Table:
    """Return rows of `rewinds`; other events than RunRewound are left out."""
    return rows.table(
        _REWINDS,
        [
            {
                "run_id": body.run_id,
                "producer_id": record.event.envelope.producer_id,
                "sequence": record.event.envelope.sequence,
                "writer": body.writer,
                "step": body.step,
                "occurred_at": record.event.envelope.occurred_at,
                "partition": record.position.partition,
                "earliness": LAST_OFFSET - record.position.offset,
            }
            for record in records
            if isinstance(body := record.event.body, e.RunRewound)
        ],
    )
