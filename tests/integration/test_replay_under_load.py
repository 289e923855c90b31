"""A replay while 20,000 points a second come in and readers read: they see one state after the other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.integration.processes import Server, finish, trainer
from trackstream.client import Client

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

RATE = 20_000
RUNS = 8
_LIMIT_S = 240.0


class Reader:
    """Asks the same questions over and over from a thread; keeps what was wrong with the answers."""

    def __init__(self, url: str, busy: str, best: str, runs: int) -> None:
        self.wrong: list[str] = []
        self.answers = 0
        self._ended = threading.Event()
        self._questions = (url, busy, best, runs)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        url, busy, best, runs = self._questions
        points = 0
        with httpx.Client(base_url=url, timeout=60) as http:
            while not self._ended.is_set():
                found = self._ask(http, "GET", f"/api/v1/runs/{busy}/metrics")
                now = sum(metric["points"] for metric in found.get("metrics", ()))
                if now < points:
                    self.wrong.append(f"{points} points became {now}")
                points = max(points, now)
                body = {"experiment_ids": ["0"], "metric": "score", "mode": "max", "top": 1}
                found = self._ask(http, "POST", "/api/v1/runs/best", json=body)
                if [run["run_id"] for run in found.get("runs", ())] != [best]:
                    self.wrong.append(f"the best run became {found}")
                found = self._ask(http, "POST", "/api/v1/runs/search", json={"experiment_ids": ["0"]})
                if len(found.get("runs", ())) != runs:
                    self.wrong.append(f"{runs} runs became {len(found.get('runs', ()))}")
                self.answers += 3

    def _ask(self, http: httpx.Client, method: str, path: str, **options: Any) -> Any:
        answer = http.request(method, path, **options)
        if answer.status_code != 200:
            self.wrong.append(f"{path}: {answer.status_code} {answer.text}")
            return {}
        return answer.json()


def job(server: Server, path: str, **asked: Any) -> Any:
    """Start a job of the server and return how it ended."""
    server.call("POST", path, json=asked)
    until = time.monotonic() + _LIMIT_S
    while (state := server.call("GET", path))["state"] == "running":
        assert time.monotonic() < until, state
        time.sleep(0.05)
    assert (state["state"], state["error"]) == ("done", None), state
    return state


def wait_for_points(server: Server, run_id: str, count: int) -> None:
    query = "SELECT count() FROM v_metrics WHERE run_id = {run:String}"
    until = time.monotonic() + _LIMIT_S
    while server.count(query, run=run_id) < count:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_readers_see_no_mixture_and_no_error(tmp_path: Path) -> None:
    store, stop_file = tmp_path / "store", tmp_path / "stop"
    client = Client(store)
    ids = []
    for number in range(RUNS):
        with client.create_run("0") as run:
            run.log_param("number", number)
            run.log_metric("score", float(number), step=0)
            ids.append(run.run_id)
    busy = client.create_run("0").run_id
    assert client.close().complete
    server = Server(store).start()
    readers: list[Reader] = []
    process = trainer("steady_trainer", server.url, busy, RATE, stop_file)
    try:
        wait_for_points(server, busy, 2 * RATE)
        readers = [Reader(server.url, busy, ids[-1], RUNS + 1) for _ in range(2)]
        for asked in ({}, {"topics": ["metrics"]}, {}):
            replayed = job(server, "/api/v1/replay", **asked)
            assert replayed["records_done"] > 0
        stop_file.touch()
        count, seconds = finish(process).split()
        print(f"{float(count) / float(seconds):.0f} points a second came in meanwhile")
        for reader in readers:
            reader.stop()
        assert [reader.wrong for reader in readers] == [[], []]
        assert all(reader.answers for reader in readers)
        server.wait_until_current()
        assert server.count("SELECT count() FROM v_metrics WHERE run_id = {run:String}", run=busy) == int(
            count
        )
        compared = job(server, "/api/v1/verify")
        assert compared["equal"], [table for table in compared["tables"] if table["different"]]
    finally:
        stop_file.touch()
        for reader in readers:
            reader.stop()
        process.kill()
        server.close()
