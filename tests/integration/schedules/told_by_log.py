"""What readers should see, worked out from the log's records by the pure folds and in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.producer_sdk.log_contents import bits, stored
from trackstream_consumers.folds import run as run_fold
from trackstream_consumers.metric_branches import Rewind, branches
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.position import Position, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.producer_sdk.log_contents import Stored
    from trackstream_consumers.folds.run import RunState


class LoggedPoint(NamedTuple):
    """A point as a table has it; the value as its bits."""

    key: str
    step: int
    timestamp: int
    bits: int
    writer: str
    producer_id: str
    sequence: int
    point: int


@dataclass
class RunTold:
    """What the log says of one run."""

    state: RunState | None = None
    points: list[LoggedPoint] = field(default_factory=list)
    rewinds: list[Rewind] = field(default_factory=list)
    first_seen: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Processes that have said that no more comes."""

    def visible(self) -> list[LoggedPoint]:
        """Return the points of the newest branch."""
        found = branches(self.rewinds, self.first_seen)
        hidden = found.hidden(found.newest)
        return [
            point
            for point in self.points
            if not any(
                point.producer_id == one.producer_id
                and one.from_sequence <= point.sequence < one.below_sequence
                and point.step >= one.from_step
                for one in hidden
            )
        ]

    def latest(self) -> dict[str, tuple[int, int]]:
        """Return step and bits of the latest visible point of each metric; all values are positive."""
        found: dict[str, tuple[int, int, int]] = {}
        for point in self.visible():
            rank = (point.step, point.timestamp, point.bits)
            found[point.key] = max(rank, found.get(point.key, rank))
        return {key: (step, value) for key, (step, _, value) in found.items()}


def told_by_log(directory: Path, ends: Mapping[TopicPartition, int]) -> dict[str, RunTold]:
    """Return what the log of the store in `directory` says before `ends`, by run.

    Of several appends of an event the first counts.
    """
    runs: dict[str, RunTold] = {}
    seen: set[tuple[str, int]] = set()
    for record in stored(directory):
        if record.topic not in (topics.RUNS, topics.METRICS):
            continue
        if record.offset >= ends[TopicPartition(record.topic, record.partition)]:
            continue
        run = runs.setdefault(record.key, RunTold())
        envelope = record.event.envelope
        if record.topic == topics.METRICS:
            run.first_seen.setdefault(envelope.producer_id, record.offset)
        if (envelope.producer_id, envelope.sequence) in seen:
            continue
        seen.add((envelope.producer_id, envelope.sequence))
        _take(run, record)
    return runs


def _take(run: RunTold, record: Stored) -> None:
    envelope, body = record.event.envelope, record.event.body
    if record.topic == topics.RUNS:
        at = Position(record.topic, record.partition, record.offset)
        run.state = run_fold.fold(run.state, record.event, at)
    elif isinstance(body, e.RunRewound):
        rewind = Rewind(record.offset, envelope.producer_id, envelope.sequence, body.writer, body.step)
        run.rewinds.append(rewind)
    elif isinstance(body, e.WriterReported):
        if body.state == "closed":
            run.closed.add(envelope.producer_id)
    elif isinstance(body, e.MetricsLogged):
        columns = (
            body.key_index.tolist(),
            body.steps.tolist(),
            body.timestamps.tolist(),
            body.values.tolist(),
        )
        for number, (key, step, timestamp, value) in enumerate(zip(*columns, strict=True)):
            run.points.append(
                LoggedPoint(
                    body.keys[key],
                    step,
                    timestamp,
                    bits(value),
                    body.writer,
                    envelope.producer_id,
                    envelope.sequence,
                    number,
                )
            )
