"""Events by which the writers of a run speak of themselves and of the run's course, not of its measurements.

They lie on the metrics topic, behind or before the batches that they speak of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

WriterState = Literal["attached", "alive", "closed"]


@dataclass(frozen=True, slots=True)
class WriterReported:
    """All counts are of one producer, for one run, since the producer began."""

    run_id: str
    writer: str
    state: WriterState
    started_at: int
    heartbeat_s: float
    batches: int = 0
    points: dict[str, int] = field(default_factory=dict)
    run_events: int = 0
    artifact_events: int = 0
    first_sequence: int | None = None
    last_sequence: int | None = None
    lost_points: int = 0
    lost_events: int = 0


@dataclass(frozen=True, slots=True)
class RunRewound:
    run_id: str
    writer: str
    step: int


WriterBody = WriterReported | RunRewound
