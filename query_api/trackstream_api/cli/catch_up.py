"""Waiting until what is already on the log has been projected, with a bar for a long wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.errors import ProjectionStalled
from trackstream_api.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_api.cli.api import Api

_POLL_SECONDS = 0.1
_STALLED_SECONDS = 60.0

Ends = dict[tuple[str, str, int], int]


def catch_up(api: Api) -> None:
    """Return once the projectors have passed the log's end as it is now.

    A directory may hold much that no server has projected yet: more than one request would wait for.
    Raises ProjectionStalled where a projector stopped or nothing moves for a minute.
    """
    status = _status(api)
    ends: Ends = {_partition(item): item["end"] for item in status["positions"]}
    total = behind = _behind(status, ends)
    if behind == 0:
        return
    moved_at = time.monotonic()
    with progress("Projecting the log") as report:
        while behind:
            report(total - behind, total)
            if status.get("failure"):
                raise ProjectionStalled(f"{api.where}: a projector stopped: {status['failure']}")
            if time.monotonic() - moved_at > _STALLED_SECONDS:
                raise ProjectionStalled(
                    f"{api.where}: the projectors are {behind} records behind and do not move"
                )
            time.sleep(_POLL_SECONDS)
            status = _status(api)
            now = _behind(status, ends)
            if now < behind:
                moved_at = time.monotonic()
            behind = now


def _status(api: Api) -> dict[str, Any]:
    status: dict[str, Any] = api.get("/api/v1/status", {"consistency": "eventual"})
    api.lag_ms = 0
    return status


def _partition(item: Mapping[str, Any]) -> tuple[str, str, int]:
    return item["projector"], item["topic"], item["partition"]


def _behind(status: Mapping[str, Any], ends: Ends) -> int:
    return sum(max(0, ends.get(_partition(item), 0) - item["next_offset"]) for item in status["positions"])
