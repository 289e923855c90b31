"""What the writers of a run sent, against what of it is projected.

The verdict is made in SQL, by the view `v_writers`, so that searches and analysts get the same one. Only
what is behind on the log is not in any table: what seems to be missing while records wait is in flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.models.completeness import (
    Amounts,
    Completeness,
    KeyAmounts,
    SequenceRange,
    Verdict,
    WriterCompleteness,
)
from trackstream_api.queries.execution import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_ORDER: tuple[Verdict, ...] = ("missing", "in flight", "unconfirmed", "complete")
_WRITERS = """
    SELECT
        run_id, writer, producer_id,
        multiIf(
            state NOT IN ('attached', 'alive') OR heartbeat_seconds = 0, state,
            toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(last_seen) < 3000 * heartbeat_seconds,
            state, 'silent'
        ),
        completeness,
        toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(last_seen), heartbeat_seconds,
        sent_batches, sent_points, sent_run_events, sent_artifact_events,
        projected_batches, projected_points, projected_run_events, projected_artifact_events,
        lost_points, lost_events
    FROM v_writers WHERE run_id IN {ids:Array(String)}
    ORDER BY run_id, writer, started_at, producer_id
"""
_SENT = """
    SELECT run_id, writer, producer_id, points_by_key, sequence, first_sequence FROM writer_reports FINAL
    WHERE run_id IN {ids:Array(String)}
"""
_PROJECTED = """
    SELECT key, count() FROM metric_points FINAL
    WHERE run_id = {run_id:String} AND producer_id = {producer:String} AND writer = {writer:String}
        AND sequence < {before:UInt64}
    GROUP BY key
"""
_MOST_GAPS = 100
# A row at each end, so that what is missing at the ends shows as well.
_GAPS = f"""
    SELECT before + 1, sequence - 1 FROM
    (
        SELECT sequence, lagInFrame(sequence, 1, sequence - 1) OVER (ORDER BY sequence) AS before FROM
        (
            SELECT toInt64(sequence) AS sequence FROM metric_events
            WHERE producer_id = {{producer:String}} AND sequence BETWEEN {{first:UInt64}} AND {{last:UInt64}}
            UNION DISTINCT
            SELECT toInt64(sequence) FROM events
            WHERE producer_id = {{producer:String}} AND sequence BETWEEN {{first:UInt64}} AND {{last:UInt64}}
            UNION DISTINCT SELECT toInt64({{first:UInt64}}) - 1
        )
    )
    WHERE sequence > before + 1
    ORDER BY sequence LIMIT {_MOST_GAPS}
"""


def of_runs(engine: Engine, run_ids: Sequence[str], records_behind: int) -> list[Completeness]:
    """Return the completeness of each of these runs, in their order.

    `records_behind` is how many records of the runs' topics were on the log and not projected before this
    was called. Two statements for any number of runs, and more only for writers that something is missing of.
    """
    ids = {"ids": list(run_ids)}
    reports = {tuple(row[:3]): row[3:] for row in select(engine, _SENT, ids)}
    writers: dict[str, list[WriterCompleteness]] = {run_id: [] for run_id in run_ids}
    for row in select(engine, _WRITERS, ids):
        writers[row[0]].append(_writer(engine, row, reports.get(tuple(row[:3])), records_behind))
    return [_completeness(run_id, found, records_behind) for run_id, found in writers.items()]


def of_run(engine: Engine, run_id: str, records_behind: int) -> Completeness:
    """Return the completeness of one run; see `of_runs`."""
    return of_runs(engine, [run_id], records_behind)[0]


def _writer(
    engine: Engine, row: Sequence[Any], report: Sequence[Any] | None, records_behind: int
) -> WriterCompleteness:
    run_id, writer, producer_id, state, verdict, started_at, last_seen, heartbeat_s, *amounts = row
    names = ("batches", "points", "run_events", "artifact_events")
    sent = Amounts(**dict(zip(names, amounts[:4], strict=True)))
    projected = Amounts(**dict(zip(names, amounts[4:8], strict=True)))
    lost_points, lost_events = amounts[8:]
    by_key, before, first = report or ({}, 0, None)
    held: dict[str, int] = by_key
    gaps: list[SequenceRange] = []
    if verdict == "missing":
        what = {"run_id": run_id, "producer": producer_id, "writer": writer, "before": before}
        if (projected.batches, projected.points) != (sent.batches, sent.points):
            held = {key: count for key, count in select(engine, _PROJECTED, what)}  # noqa: C416
        if projected != sent:
            if records_behind and not lost_points and not lost_events:
                verdict = "in flight"
            bounds = {"producer": producer_id, "first": first or 0, "last": before}
            gaps = [SequenceRange(first=low, last=high) for low, high in select(engine, _GAPS, bounds)]
    return WriterCompleteness.model_construct(
        writer=writer,
        producer_id=producer_id,
        state=state,
        completeness=verdict,
        started_at=started_at,
        last_seen=last_seen,
        heartbeat_s=heartbeat_s,
        sent=sent,
        projected=projected,
        lost_points=lost_points,
        lost_events=lost_events,
        metrics=[
            KeyAmounts(key=key, sent=count, projected=held.get(key, 0))
            for key, count in sorted(by_key.items())
        ],
        missing_sequences=gaps,
    )


def _completeness(run_id: str, writers: list[WriterCompleteness], records_behind: int) -> Completeness:
    verdicts = {writer.completeness for writer in writers}
    worst: Verdict = next((verdict for verdict in _ORDER if verdict in verdicts), "unconfirmed")
    concerned = [writer for writer in writers if writer.completeness == worst]
    return Completeness.model_construct(
        run_id=run_id,
        completeness=worst,
        records_behind=records_behind,
        summary=_summary(worst, concerned, records_behind),
        writers=writers,
    )


def _summary(verdict: Verdict, writers: Sequence[WriterCompleteness], records_behind: int) -> str:
    if verdict == "complete":
        return "complete"
    if verdict == "in flight":
        writing = [writer.writer or "the writer" for writer in writers if writer.state != "closed"]
        still = f": {', '.join(writing)} may send more" if writing and not records_behind else ""
        return f"in flight ({records_behind} behind){still}"
    if not writers:
        return "unconfirmed: no writer has reported what it sent"
    return f"{verdict}: {'; '.join(map(_in_words, writers))}"


def _in_words(writer: WriterCompleteness) -> str:
    name = writer.writer or "the writer"
    if writer.completeness == "unconfirmed":
        if writer.state == "unreported" and not writer.writer:
            # The SDK's writers report, those of one process too.
            return "logged through REST or MLflow's client, which does not report what it sent"
        if writer.state == "unreported":
            return f"{name} ({writer.producer_id}) has not reported what it sent"
        return f"{name} ({writer.producer_id}) fell silent without closing; all that it reported is here"
    sent, projected = writer.sent, writer.projected
    short = {
        "points": sent.points - projected.points,
        "batches": sent.batches - projected.batches,
        "run events": sent.run_events - projected.run_events,
        "artifact events": sent.artifact_events - projected.artifact_events,
    }
    parts = [f"{count} {what}" for what, count in short.items() if count > 0]
    if writer.missing_sequences and parts:
        ranges = ", ".join(
            str(gap.first) if gap.first == gap.last else f"{gap.first}-{gap.last}"
            for gap in writer.missing_sequences[:10]
        )
        parts.append(f"sequences {ranges}")
    if writer.lost_points or writer.lost_events:
        parts.append(f"{writer.lost_points} points and {writer.lost_events} events never left its process")
    return f"{name} ({writer.producer_id}): {', '.join(parts)}"
