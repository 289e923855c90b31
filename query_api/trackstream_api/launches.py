"""What is done to launches through the API: cancelled, and recorded as lost where their launcher is
silent.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from trackstream_api.barrier import reading
from trackstream_api.launch_queue.losses import lost_bodies, lost_reason
from trackstream_api.queries import launches
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import Conflict, TrackstreamError

if TYPE_CHECKING:
    from trackstream_api.models.launches import Launch
    from trackstream_api.store import Store

logger = logging.getLogger(__name__)

TOPICS = (topics.LAUNCHES,)


def now_ms() -> int:
    """Return the time, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def record_lost(store: Store) -> int:
    """Put on the log that launches are lost whose launcher is silent; returns how many.

    The answers to reads say so without it; this makes it known to everybody who reads the log, and ends the
    runs. That two servers may do it at once does not matter.
    """
    with reading(store, TOPICS):
        found = launches.silent(store.engine, now_ms())
    bodies = [
        body
        for launch in found
        for body in lost_bodies(launch, lost_reason(launch.attempts, launch.max_attempts), now_ms())
    ]
    try:
        store.producer.emit_and_wait(bodies)
    except TrackstreamError as error:
        # Whoever only reads need not fail for it; the next one tries again.
        logger.warning("lost launches cannot be recorded: %s", error)
        return 0
    return len(found)


def cancel(store: Store, launch_id: str, reason: str) -> Launch:
    """Ask a launch's launcher to end it. Raises NotFound, and Conflict where it has ended."""
    with store.deciding():
        with reading(store, TOPICS):
            launch = launches.get(store.engine, launch_id, now_ms())
        if launch.state in e.LAUNCH_ENDS:
            raise Conflict(f"launch {launch_id} is over: it is {launch.state}")
        bodies: list[e.Body] = [e.LaunchCancelRequested(launch_id, reason)]
        if launch.state == "requested":
            # There is nobody else to say so of its run.
            bodies.append(e.RunUpdated(launch.run_id, "KILLED", now_ms()))
        store.producer.emit_and_wait(bodies)
    with reading(store, TOPICS):
        return launches.get(store.engine, launch_id, now_ms())
