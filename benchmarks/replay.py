"""Replay of a log into shadow tables, beside the live ones, through the server's own command."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ingest import TRAIN
from benchmarks.measure import Figure, figure
from tests.integration.processes import Server, environment

ROUNDS = 3
POINTS = 5_000_000


def run() -> list[Figure]:
    """Replay one log several times."""
    rates, sizes = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        subprocess.run([sys.executable, "-c", TRAIN, str(store), str(POINTS)], env=environment(), check=True)
        log_bytes = sum(path.stat().st_size for path in store.glob("log.db*"))
        server = Server(store).start()
        try:
            assert server.count("SELECT count() FROM v_metrics") == POINTS
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                server.call("POST", "/api/v1/replay", json={})
                while (answer := server.call("GET", "/api/v1/replay"))["state"] == "running":
                    time.sleep(0.02)
                rates.append(POINTS / (time.perf_counter() - begun))
                assert answer["state"] == "done", answer
            assert server.count("SELECT count() FROM v_metrics") == POINTS
            engine = sum(path.stat().st_size for path in (store / "engine").rglob("*") if path.is_file())
            sizes.append(engine / POINTS)
        finally:
            server.close()
    return [
        figure("replay from the log, embedded", "points/s", rates, at_least=500_000),
        figure("bytes a point on the log, 10 keys", "bytes", [log_bytes / POINTS], at_most=12),
        figure("bytes a point in the engine, merges pending", "bytes", sizes),
    ]
