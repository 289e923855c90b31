"""A disk that another process fills: the projectors stop in time, say so, and go on once there is room."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_bad_log import on_a_small_disk

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

FILL_AND_FREE = """
import logging, os, pathlib, shutil, sys, time
from trackstream_api.store import EmbeddedStore
from trackstream_schemas import events as e, topics
from trackstream_schemas.ids import new_id

disk = pathlib.Path(sys.argv[1])
run_id = new_id()
told = []

class Told(logging.Handler):
    def emit(self, record):
        told.append(record.getMessage().partition(":")[0])

logging.getLogger("trackstream_consumers").addHandler(Told())

def wait_until(true):
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)

with EmbeddedStore(disk / "store") as store:
    store.producer.emit_and_wait([e.RunStarted(run_id, "0", "a run", 1)])
    store.barrier.wait(topics.EVENT_TOPICS)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while shutil.disk_usage(disk).free > 16 << 20:
            file.write(bytes(1 << 20))
            file.flush()
    for number in range(5):
        store.producer.emit_and_wait([e.ParamsLogged(run_id, {f"p{number}": "1"})])
    wait_until(lambda: "entities waits" in told)
    print(store.waiting())
    assert store.failure() is None
    ballast.unlink()
    wait_until(lambda: store.waiting() is None and "entities goes on" in told)
    store.barrier.wait(topics.EVENT_TOPICS)
    with store.engine.client() as client:
        query = "SELECT length(params) FROM runs FINAL WHERE run_id = {run:String}"
        print(client.query(query, parameters={"run": run_id}).result_rows[0][0])
"""


def test_projectors_leave_the_last_of_a_disk_alone_and_go_on_when_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    program = f"import os; os.environ['TRACKSTREAM_MIN_FREE_DISK_BYTES'] = str(32 << 20){FILL_AND_FREE}"
    done = on_a_small_disk(disk, "160m", [sys.executable, "-c", program, str(disk)])
    assert done.returncode == 0, done.stderr
    waits, params = done.stdout.splitlines()
    assert "the entities projector waits: the analytical store's disk is nearly full" in waits
    assert params == "5"
