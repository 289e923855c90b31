"""When a consumer flushes what it has gathered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConsumerSettings:
    """When a batch is flushed, and how long to wait for what. Times in seconds."""

    max_rows: int = 500_000
    """Metric points and other events of a batch, beyond which it takes no more."""
    max_bytes: int = 32 << 20
    """Of the batch's records on the log, beyond which it takes no more either."""
    max_age: float = 0.5
    """Since the batch's first record."""
    spacing: float = 0.1
    """Least distance between flushes under light load ..."""
    load: float = 0.1
    """... and the share of the time that flushing may then take."""
    idle_poll: float = 1.0
    poll_records: int = 10_000
    first_backoff: float = 0.05
    longest_backoff: float = 5.0
