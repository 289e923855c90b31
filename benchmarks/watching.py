"""What is observed of a running server: that it is current, its lag, its memory, its processor time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests.integration.processes import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    import psutil

_LAG_HEADER = "X-Trackstream-Lag-Ms"
LIMIT_S = 3600.0


def api(url: str) -> httpx.Client:
    """Return a client of a server that keeps its connection."""
    return httpx.Client(base_url=url, timeout=600)


def until_readable(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """Return a run as an API read with the default consistency shows it: all that is on the log by now is in.

    A read waits for ten seconds; here it is asked again where that was not enough.
    """
    until = time.monotonic() + LIMIT_S
    while True:
        answer = client.get(f"/api/v1/runs/{run_id}")
        if answer.status_code == 200:
            found: dict[str, Any] = answer.json()
            return found
        if answer.status_code != 503 or time.monotonic() > until:
            raise RuntimeError(f"{answer.status_code} {answer.text}")


def lag_ms(client: httpx.Client, run_id: str) -> int:
    """Return the age of the oldest record that is not projected, milliseconds."""
    answer = client.get(f"/api/v1/runs/{run_id}", params={"consistency": "eventual"})
    return int(answer.headers[_LAG_HEADER]) if _LAG_HEADER in answer.headers else 0


def points_in(client: httpx.Client) -> int:
    """Return how many points the store holds."""
    answer = client.get("/api/v1/status", params={"consistency": "eventual"})
    return int(answer.raise_for_status().json()["points"])


def until_settled(store: Path, quiet_s: float) -> None:
    """Wait until the engine has made no new part of any table for so long: its merges are done.

    Nothing is asked of the engine (no OPTIMIZE); it is left alone until it has no more to do by itself.
    """
    engine = store / "engine"
    seen: set[Path] = set()
    changed = begun = time.monotonic()
    while time.monotonic() < min(changed + quiet_s, begun + LIMIT_S):
        found = {path for path in engine.glob("store/*/*/*") if path.is_dir()}
        if found - seen:
            seen |= found
            changed = time.monotonic()
        time.sleep(0.5)


def engine_bytes(store: Path) -> dict[str, int]:
    """Return the bytes of each table of a store that no process holds."""
    command = [sys.executable, "-m", "benchmarks.engine_bytes", str(store)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, int] = json.loads(output.splitlines()[-1])
    return found


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and its children so far."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


def timed_start(store: Path, run_id: str) -> tuple[Server, float]:
    """Start a server on a store; also return the seconds until it showed a run to a reader."""
    begun = time.perf_counter()
    server = Server(store, ui=True).start()
    try:
        with api(server.url) as client:
            until_readable(client, run_id)
    except BaseException:
        server.close()
        raise
    return server, time.perf_counter() - begun


class Sampled:
    """Calls something every so often from a thread, as a context manager; keeps (seconds since, value)."""

    def __init__(self, sample: Callable[[], float], every_s: float) -> None:
        self.samples: list[tuple[float, float]] = []
        self._sample = sample
        self._every_s = every_s
        self._ended = threading.Event()
        self._begun = time.monotonic()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    @property
    def values(self) -> list[float]:
        """What was sampled."""
        return [value for _, value in self.samples]

    def _work(self) -> None:
        try:
            while True:
                self.samples.append((time.monotonic() - self._begun, self._sample()))
                if self._ended.wait(self._every_s):
                    return
        except Exception as error:  # noqa: BLE001 - raised on the caller's thread
            self._failure = error
