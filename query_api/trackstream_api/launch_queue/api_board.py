"""A queue as a server shows it, for workers that reach nothing else.

The server reads the log's end before it answers, and itself says of launchers that they are lost.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from trackstream.log.http import ServerConnection
from trackstream_api.launch_queue.decision import Seen
from trackstream_api.launch_queue.requests import request_of
from trackstream_api.models.launches import Launch
from trackstream_schemas import events as e
from trackstream_schemas.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trackstream.projects.request import Request

_PATH = "/api/v1/launches"
_PAGE = 200
_MOST_UNFINISHED = 1000
_RUNNING_SECONDS = 10.0
_UNFINISHED = ("requested", "preparing", "ready", "running")


class ApiBoard:
    """Asks for the oldest launches that wait, and for each that is the worker's own."""

    def __init__(self, address: str, queue: str) -> None:
        self._server = ServerConnection(address)
        self._waiting = f"{_PATH}?{urlencode({'state': 'requested', 'queue': queue, 'order': 'oldest'})}"
        states = urlencode({"state": _UNFINISHED, "queue": queue, "limit": _MOST_UNFINISHED}, doseq=True)
        self._unfinished = f"{_PATH}?{states}"
        self._known: dict[str, Launch] = {}
        self._asked_at = 0.0

    def look(self, timeout: float, claimed: Collection[str], running: Collection[str]) -> Sequence[Seen]:
        # A queue in which nothing waits is asked for less often.
        time.sleep(timeout if self._known else 2 * timeout)
        page = self._get(f"{self._waiting}&limit={_PAGE}")["launches"]
        found = {launch["launch_id"]: launch for launch in page}
        asked = set(claimed)
        if time.monotonic() - self._asked_at > _RUNNING_SECONDS:
            # Their launchers ask for themselves.
            asked.update(running)
            self._asked_at = time.monotonic()
        for launch_id in asked:
            found[launch_id] = self._get(f"{_PATH}/{quote(launch_id, safe='')}")
        self._known = {
            launch_id: Launch.model_validate(launch)
            for launch_id, launch in found.items()
            if launch and launch["state"] not in e.LAUNCH_ENDS
        }
        return [_seen(launch) for launch in self._known.values()]

    def unfinished(self) -> Sequence[Seen]:
        return [_seen(Launch.model_validate(launch)) for launch in self._get(self._unfinished)["launches"]]

    def request(self, launch_id: str) -> Request:
        if launch_id not in self._known:
            raise NotFound(f"launch {launch_id} is over")
        return request_of(self._known[launch_id])

    def close(self) -> None:
        self._server.close()

    def _get(self, path: str) -> Any:
        """Return an answer, empty for what is not there. Raises Unavailable, StorageFailed, Rejected."""
        answer = self._server.request("GET", path, missing={})
        if not isinstance(answer, dict):
            raise Unavailable(f"the server's answer to {path} is not understood")
        return answer


def _seen(launch: Launch) -> Seen:
    return Seen(
        launch.launch_id,
        "" if launch.state == "requested" else launch.claim_id,
        launch.attempts,
        launch.max_attempts,
        launch.backend,
        launch.run_id,
        cancel_requested=launch.cancel_requested,
        last_seen=launch.last_seen or 0,
    )
