"""What a client needs of its producer, whichever durability it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream.delivery import DeliveryReport, Losses
    from trackstream.metric_buffer import RecordPoint
    from trackstream_schemas.events import Body
    from trackstream_schemas.position import Position


class PointsIn(Protocol):
    """The way in for a run's metric points."""

    record: RecordPoint

    def record_all(
        self, metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log one point of each metric; where one is not valid, none of them."""
        ...


class Emitter(Protocol):
    """Takes events and brings them to the log. Thread-safe."""

    @property
    def losses(self) -> Losses:
        """What could not be kept; who gives an event up before it gets here counts it there too."""
        ...

    def metric_buffer(self, run_id: str, writer: str = "") -> PointsIn:
        """Return the way in for a run's metric points."""
        ...

    def emit(self, *bodies: Body, run_id: str = "", always: bool = False) -> bool:
        """Keep events; False where there was no room: they are then counted as dropped."""
        ...

    def emit_when_room(self, body: Body, run_id: str, timeout: float) -> bool:
        """Keep a large event, waiting for room; False where there was none, and nothing is counted then."""
        ...

    def emit_and_wait(
        self, bodies: Sequence[Body], timeout: float | None = None, actor: str | None = None
    ) -> list[Position]:
        """Return the events' positions once the log has them; none where a spool lies between.

        Raises the log's errors.
        """
        ...

    def attach(self, run_id: str, writer: str) -> None:
        """Have it said that a writer of a run is alive, until it is closed."""
        ...

    def close_writer(self, run_id: str, writer: str) -> None:
        """Say what a writer has sent, and that no more comes."""
        ...

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged before is on the log; False where that took longer (seconds)."""
        ...

    def close(self, timeout: float | None = None) -> DeliveryReport:
        """Send what is kept, for at most `timeout` seconds, then stop."""
        ...

    def report(self) -> DeliveryReport:
        """Return what became of everything that was logged so far."""
        ...
