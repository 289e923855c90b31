"""Whether all that was sent for a run is here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trackstream_api.models.base import Model

Verdict = Literal["complete", "in flight", "missing", "unconfirmed"]


class Amounts(Model):
    """What a writer sent, or what of it is here."""

    batches: int = Field(description="Metric batches")
    points: int
    run_events: int = Field(description="Params, tags, status and the like")
    artifact_events: int


class KeyAmounts(Model):
    """One metric of a writer."""

    key: str
    sent: int = Field(description="Points")
    projected: int = Field(description="Points that are here, superseded ones included")


class SequenceRange(Model):
    """Events of a process, by their sequence; both ends included."""

    first: int
    last: int


class WriterCompleteness(Model):
    """One writer of a run, as one process. What it sent is what lies before its last report."""

    writer: str = Field(description="Rank or process within the run; empty for a run with one writer")
    producer_id: str
    state: Literal["attached", "alive", "closed", "silent", "unreported"] = Field(
        description="silent: not closed and no report for three heartbeats; unreported: it never reports"
    )
    completeness: Verdict
    started_at: int | None = Field(description="Milliseconds since the epoch, its clock")
    last_seen: int | None = Field(description="When it reported last, likewise")
    heartbeat_s: float = Field(description="It reports so often while alive; 0: it promises nothing")
    sent: Amounts
    projected: Amounts
    lost_points: int = Field(description="Points of the run that its process could not keep")
    lost_events: int = Field(description="Other events that it could not keep")
    metrics: list[KeyAmounts]
    missing_sequences: list[SequenceRange] = Field(
        description="Where something is missing: events of the process that no table holds. Chunks of"
        " artifacts are in no table either, so they are among them"
    )


class Completeness(Model):
    """The worst of the run's writers; `unconfirmed` where there is none that reports."""

    run_id: str
    completeness: Verdict
    records_behind: int = Field(description="Records on the log that were not projected yet")
    summary: str = Field(description="The verdict in words")
    writers: list[WriterCompleteness]
