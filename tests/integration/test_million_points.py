"""One run of a million points from four processes, bit-exact after a kill and after a replay."""

from __future__ import annotations

import random
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

import trackstream
from tests.integration.known_points import KEYS, points_of
from tests.integration.processes import Server, finish, trainer

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

pytestmark = pytest.mark.integration

WRITERS = 4
POINTS_PER_WRITER = 250_000
QUERY = (
    "SELECT step, toUnixTimestamp64Milli(timestamp) AS millis, value, writer"
    " FROM v_metrics WHERE run_id = {run_id:String} AND key = {key:String}"
)


def sorted_rows(columns: list[np.ndarray]) -> np.ndarray:
    """Rows of equal-length integer columns in one order, so that equal multisets are equal arrays."""
    rows = np.stack([column.astype(np.int64, copy=False) for column in columns])
    return rows[:, np.lexsort(rows)]


def projected(server: Server, run_id: str, key: str) -> np.ndarray:
    table: pa.Table = server.sql(QUERY, run_id=run_id, key=key)
    writers = np.array([int(writer) for writer in table["writer"].to_pylist()])
    bits = table["value"].to_numpy().view(np.int64)
    return sorted_rows([table["step"].to_numpy(), table["millis"].to_numpy(), bits, writers])


def logged(key: str) -> np.ndarray:
    parts = []
    for writer in range(WRITERS):
        points = points_of(writer, POINTS_PER_WRITER)
        of_key = points.key_index == KEYS.index(key)
        writers = np.full(of_key.sum(), writer)
        bits = points.values[of_key].view(np.int64)
        parts.append(np.stack([points.steps[of_key], points.timestamps[of_key], bits, writers]))
    return sorted_rows(list(np.concatenate(parts, axis=1)))


def latest(server: Server) -> list[tuple[object, ...]]:
    """The latest values, by their bits since NaN is among them."""
    table = server.sql("SELECT key, step, timestamp, value FROM v_latest_metrics ORDER BY key")
    bits = table["value"].to_numpy().view(np.int64).tolist()
    return list(zip(*(table[name].to_pylist() for name in ("key", "step", "timestamp")), bits, strict=True))


def test_a_million_points_survive_a_kill_and_a_replay(tmp_path: Path) -> None:
    store = tmp_path / "store"
    client = trackstream.Client(store)
    run_id = client.create_run("0").run_id
    client.close()
    server = Server(store).start()
    try:
        trainers = [
            trainer("known_points", store, run_id, writer, POINTS_PER_WRITER, TRACKSTREAM_WRITER=str(writer))
            for writer in range(WRITERS)
        ]
        time.sleep(random.uniform(0.2, 3.0))
        server.kill()
        server.start()
        for process in trainers:
            assert finish(process).split() == ["0", "0"], "points were dropped or lost"

        server.wait_until_current()
        expected = {key: logged(key) for key in KEYS}
        assert sum(rows.shape[1] for rows in expected.values()) == WRITERS * POINTS_PER_WRITER
        for key in KEYS:
            np.testing.assert_array_equal(projected(server, run_id, key), expected[key])
        before = latest(server)
        assert len(before) == len(KEYS)

        # An empty analytical store: everything comes from the log again.
        server.kill()
        shutil.rmtree(store / "engine")
        server.start()
        server.wait_until_current()
        for key in KEYS:
            np.testing.assert_array_equal(projected(server, run_id, key), expected[key])

        # And once more by the command, beside the live tables.
        server.call("POST", "/api/v1/replay", json={})
        until = time.monotonic() + 120
        state = "running"
        while state == "running" and time.monotonic() < until:
            time.sleep(0.1)
            state = server.call("GET", "/api/v1/replay")["state"]
        assert state == "done"
        for key in KEYS:
            np.testing.assert_array_equal(projected(server, run_id, key), expected[key])
        assert latest(server) == before
    finally:
        server.close()
