"""How far a consumer has come: written by its thread, read and waited for by any other."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_consumers.metric_defs import MetricName
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

_SAID_AFTER = 3
"""Attempts in a row that failed: what passes by itself within a moment is not worth a line in the log."""

ConsumerState = Literal["stopped", "starting", "running", "failed"]


@dataclass(frozen=True)
class ProgressSnapshot:
    """One consistent state of a consumer's progress; the counts are since it was made."""

    state: ConsumerState = "stopped"
    positions: Mapping[TopicPartition, int] = field(default_factory=dict)
    """First offset not yet projected, per partition."""
    first: Mapping[TopicPartition, int] = field(default_factory=dict)
    """Offset of the first record read since the last start, per partition that had one."""
    records: int = 0
    """Records projected or given up."""
    rows: int = 0
    flushes: int = 0
    flush_seconds: float = 0.0
    last_flush_seconds: float = 0.0
    last_batch_records: int = 0
    dead_letters: int = 0
    records_lost: int = 0
    """Records that retention had removed, which were gone over because that was asked for."""
    retries: int = 0
    last_error: str | None = None
    """What went wrong last, be it repaired since or not."""
    trouble: str | None = None
    """What it waits for: why the last attempt at what it is doing failed. None while all goes well."""
    failure: Exception | None = None
    """Why the consumer has failed."""
    oldest_pending: int | None = None
    """When the log took the oldest record that was read and is not yet projected, ms since the epoch."""

    @property
    def lag_ms(self) -> int:
        """Age of the oldest record that was read and is not yet projected; 0 where there is none."""
        if self.oldest_pending is None:
            return 0
        return max(0, int(time.time() * 1000) - self.oldest_pending)

    def has_reached(self, wanted: Mapping[TopicPartition, int]) -> bool:
        """Tell whether everything before the `wanted` offsets is projected."""
        return all(self.positions.get(partition, 0) >= offset for partition, offset in wanted.items())

    def metrics(self) -> dict[MetricName, float]:
        """Return what `metric_defs` names."""
        return {
            "trackstream_records_projected_total": self.records,
            "trackstream_rows_projected_total": self.rows,
            "trackstream_flushes_total": self.flushes,
            "trackstream_flush_seconds_total": self.flush_seconds,
            "trackstream_last_flush_seconds": self.last_flush_seconds,
            "trackstream_batch_records": self.last_batch_records,
            "trackstream_dead_letters_total": self.dead_letters,
            "trackstream_records_lost_total": self.records_lost,
            "trackstream_retries_total": self.retries,
            "trackstream_lag_seconds": self.lag_ms / 1000,
            "trackstream_consumer_up": float(self.state in ("starting", "running")),
        }


class Progress:
    """Thread-safe holder of the current `ProgressSnapshot`."""

    def __init__(self, name: str = "a consumer") -> None:
        """`name` is whose progress it is, for the log."""
        self._name = name
        self._in_a_row = 0
        self._changed = threading.Condition()
        self._now = ProgressSnapshot()

    def snapshot(self) -> ProgressSnapshot:
        """Return the state as of now."""
        return self._now

    def wait_for(self, wanted: Mapping[TopicPartition, int], timeout: float) -> bool:
        """Wait until all before the `wanted` offsets is projected, at most `timeout` seconds.

        Returns whether it is; False at once where the consumer has failed. A stopped one may be started
        again, so it is waited for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._now.has_reached(wanted) or self._now.state == "failed", timeout
            )
            return self._now.has_reached(wanted)

    def must_wait(self, error: Exception) -> None:
        """Note that an attempt failed and will be repeated. Called by the consumer, as is the next."""
        now = self._now
        self._in_a_row += 1
        self.update(retries=now.retries + 1, last_error=str(error), trouble=str(error))
        if self._in_a_row == _SAID_AFTER:
            logger.warning("%s waits: %s", self._name, error)

    def need_not_wait(self) -> None:
        """Note that an attempt succeeded."""
        if self._in_a_row == 0:
            return
        if self._in_a_row >= _SAID_AFTER:
            logger.warning("%s goes on", self._name)
        self._in_a_row = 0
        self.update(trouble=None)

    def update(self, **changes: object) -> None:
        """Replace fields of the snapshot. Called by the consumer."""
        with self._changed:
            self._now = replace(self._now, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()
