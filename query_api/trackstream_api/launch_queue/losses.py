"""What is said of a launch whose launcher is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_schemas import events as e

if TYPE_CHECKING:
    from trackstream_api.launch_queue.decision import Seen

LOST = "launcher lost: nothing was heard of it for three heartbeats"


def lost_reason(attempts: int, max_attempts: int) -> str:
    """Return why a launch is given up whose launcher is silent, at an attempt counted from 1."""
    if max_attempts == 1:
        return LOST
    return f"{LOST} (attempt {attempts} of {max_attempts})"


def lost_bodies(launch: Seen, reason: str, now: int) -> list[e.Body]:
    """Return what puts on the log that the launch's launcher is gone, and what becomes of its run.

    `now` is in ms. A launch that may be taken again waits again, as does its run.
    """
    again = launch.may_be_taken_again
    bodies: list[e.Body] = [e.LaunchLost(launch.launch_id, launch.claim_id, reason, again)]
    if launch.run_id and again:
        bodies.append(e.RunUpdated(launch.run_id, "SCHEDULED"))
    elif launch.run_id:
        bodies.append(e.RunUpdated(launch.run_id, "KILLED" if launch.cancel_requested else "FAILED", now))
    return bodies
