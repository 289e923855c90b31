"""Questions to a store that only its API answers, for what goes on around launches."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from trackstream.log.http import ServerConnection
from trackstream.projects.launch_folder import launches_directory
from trackstream.projects.shared_server import ServerForLaunch
from trackstream_schemas.errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = 1000
_TIMEOUT_S = 120.0


class StoreReads:
    """What a store says now. All that was on the log when a question came is part of the answer."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as the API gives it. Raises NotFound."""
        found: dict[str, Any] = self._get(f"/api/v1/runs/{quote(run_id, safe='')}", {})
        return found

    def launch(self, launch_id: str) -> dict[str, Any]:
        """Return a launch as the API gives it. Raises NotFound."""
        found: dict[str, Any] = self._get(f"/api/v1/launches/{quote(launch_id, safe='')}", {})
        return found

    def finished_launches(self, entry_point: str) -> Iterator[dict[str, Any]]:
        """Yield the launches of entry points of this name that finished well, those asked for last first."""
        query = {"state": "finished", "entry_point": entry_point}
        yield from self._pages("GET", "/api/v1/launches", "launches", query)

    def children(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield the active runs whose parent this run is."""
        of_parent = {"filter": f"tags.`mlflow.parentRunId` = '{run_id}'"}
        yield from self._pages("POST", "/api/v1/runs/search", "runs", of_parent)

    def metric_steps(self, run_id: str, key: str) -> set[int]:
        """Return the steps at which a metric of a run has values."""
        path = f"/api/v1/runs/{quote(run_id, safe='')}/metric-history"
        return {int(point["step"]) for point in self._pages("GET", path, "points", {"key": key})}

    def cancel(self, launch_id: str, reason: str) -> None:
        """Ask whoever executes a launch to end it. Raises Rejected where it is over."""
        self._post(f"/api/v1/launches/{quote(launch_id, safe='')}/cancel", {"reason": reason})

    def _pages(self, method: str, path: str, plural: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            page = {**asked, "limit": _PAGE, **({} if token is None else {"page_token": token})}
            found = self._get(path, page) if method == "GET" else self._post(path, page)
            yield from found[plural]
            token = found.get("next_page_token")
            if not token:
                return

    def _get(self, path: str, query: dict[str, Any]) -> Any:
        address = f"{path}?{urlencode(query)}" if query else path
        found = self._server.request("GET", address, missing=False)
        if found is False:
            raise NotFound(f"the store has nothing at {path}")
        return found

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._server.request("POST", path, json.dumps(body).encode(), content_type="application/json")


@contextmanager
def reads_of(uri: str, what: str) -> Iterator[StoreReads]:
    """Give the reads of the store at `uri` while the block lasts. Raises what `asked` raises."""
    with asked(uri, what) as server:
        yield StoreReads(server)


@contextmanager
def asked(uri: str, what: str, timeout: float = _TIMEOUT_S) -> Iterator[ServerConnection]:
    """Give a connection to the server of the store at `uri` while the block lasts; a directory that nobody
    serves gets a server for so long. `timeout` is how long an answer may take, seconds.

    Raises InvalidInput, which names `what` needs it, for a log that cannot be asked, and Unavailable where a
    server cannot start.
    """
    folder = launches_directory()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ServerForLaunch(uri, folder / ".server.log") as server:
        if server.address is None and server.why:
            raise Unavailable(f"no server can be started on {uri}, which {what} asks: {server.why}")
        if server.address is None:
            right = (
                f"a store's directory (with the extra `server` installed) or a server's http address: {what}"
                " asks the store"
            )
            raise InvalidInput("tracking URI", Path(uri).name if "://" not in uri else uri, right)
        connection = ServerConnection(server.address, timeout=timeout)
        try:
            yield connection
        finally:
            connection.close()
