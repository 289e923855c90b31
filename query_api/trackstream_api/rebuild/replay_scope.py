"""What a replay was asked to rebuild, as a plan for this log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_api.as_of.moment import parse_moment, start_from
from trackstream_api.log_places import short_name, topic_named
from trackstream_consumers.rebuild.replay_plan import plan_of
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.as_of.moment import LogClock
    from trackstream_consumers.rebuild.replay_plan import ReplayPlan


def topics_named(names: Sequence[str]) -> list[str]:
    """Return the topics of these names. Raises InvalidInput."""
    return [topic_named(name, "topics") for name in names]


def replay_plan(names: Sequence[str], since: str | None, log: LogClock) -> ReplayPlan:
    """Return the plan to rebuild the tables of these topics (none: all), of entities touched `since` then.

    Raises InvalidInput for an unknown topic, and for a moment that says nothing about the topics that are
    rebuilt; NotFound for a position where no record is.
    """
    chosen = topics_named(names)
    plan = plan_of(chosen)
    if since is None:
        return plan
    moment = parse_moment(since, "since")
    if moment.is_now or (moment.millis is not None and moment.millis > time.time_ns() // 1_000_000):
        raise InvalidInput(
            "since", since, "a moment in the past: of what is touched later nothing is wrong yet"
        )
    useful = [topic for topic in plan.topics if topic != topics.ARTIFACT_BYTES]
    for position in moment.positions:
        if position.topic not in useful:
            right = ", ".join(map(short_name, useful))
            raise InvalidInput("since", since, f"a time, or a position in what is rebuilt: {right}")
    return plan_of(chosen, start_from(moment, log))
