"""The queues that this server puts launches into.

None unless somebody has said so: whatever is in a queue is executed by its workers, and whoever reaches the
server could fill it from a browser.
"""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict

from trackstream.projects.request import check_queue
from trackstream_schemas.errors import Conflict, InvalidInput

VARIABLE = "TRACKSTREAM_LAUNCH_QUEUES"


class LaunchQueueSettings(BaseSettings):
    """Each field can be set by TRACKSTREAM_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix="TRACKSTREAM_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    launch_queues: str = ""
    """Names of queues, with commas between them, that the API and the web UI may put launches into."""


def open_queues() -> tuple[str, ...]:
    """Return their names, in the order in which they were given. Raises InvalidInput."""
    given = LaunchQueueSettings().launch_queues.split(",")
    return tuple(dict.fromkeys(check_queue(name.strip()) for name in given if name.strip()))


def chosen_queue(wanted: str | None, before: str | None) -> str:
    """Return the queue for a launch: the one that is wanted, else that of `before`, else the first one.

    Raises Conflict where this server has none, and InvalidInput for another one.
    """
    known = open_queues()
    if not known:
        raise Conflict(
            f"this server puts launches into no queue: start it with {VARIABLE}=default (or other names), and"
            " `trackstream launch-worker` where they are to be executed"
        )
    if wanted is None:
        return before if before in known else known[0]
    if wanted not in known:
        raise InvalidInput("queue", wanted, f"one of {', '.join(known)}: {VARIABLE} names them")
    return wanted
