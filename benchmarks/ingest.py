"""From the log call to queryable, embedded: trainers and server share the machine.

The peer is MLflow's server as shipped (SQLite) taking `log_batch` of 1,000 points from as many processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.measure import Figure, figure
from tests.integration.processes import Server, environment, free_port

ROUNDS = 3
TRAINERS = 2
POINTS = 2_000_000
PEER_BATCHES = 15

TRAIN = """
import sys, trackstream
trackstream.set_tracking_uri(sys.argv[1])
with trackstream.start_run() as run:
    log = trackstream.log_metric
    for step in range(int(sys.argv[2]) // 10):
        for key in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"):
            log(key, step * 0.37, step=step)
    trackstream.flush(600)
report = trackstream.delivery_report()
assert report.complete, report
"""

PEER = """
import sys, time
from mlflow import MlflowClient
from mlflow.entities import Metric
client = MlflowClient(sys.argv[1])
run_id = client.create_run("0").info.run_id
begun = time.perf_counter()
for batch in range(int(sys.argv[2])):
    now = int(time.time() * 1000)
    client.log_batch(run_id, [Metric("loss", 0.37 * n, now, batch * 1000 + n) for n in range(1000)])
print(time.perf_counter() - begun)
"""


def run() -> list[Figure]:
    """Rounds of ours and the peer's in turn."""
    ours, peers = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(_ours(Path(folder)))
            peers.append(_peer(Path(folder)))
    ratios = [one / other for one, other in zip(ours, peers, strict=True)]
    return [
        figure(f"log_metric to queryable, {TRAINERS} trainers, embedded", "points/s", ours),
        figure(f"MLflow server (SQLite), log_batch of 1,000, {TRAINERS} clients", "points/s", peers),
        figure("ratio of the two", "×", ratios),
    ]


def _ours(folder: Path) -> float:
    server = Server(folder / "store").start()
    try:
        begun = time.perf_counter()
        command = [sys.executable, "-c", TRAIN, str(server.directory), str(POINTS)]
        trainers = [subprocess.Popen(command, env=environment()) for _ in range(TRAINERS)]
        if any(process.wait() for process in trainers):
            raise RuntimeError("a trainer failed")
        seen = server.count("SELECT count() FROM v_metrics")
        took = time.perf_counter() - begun
        assert seen == TRAINERS * POINTS, f"{seen} of {TRAINERS * POINTS} points"
        return seen / took
    finally:
        server.close()


def _peer(folder: Path) -> float:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--port", str(port)]
    server = subprocess.Popen(
        [str(Path(sys.executable).parent / "mlflow"), "server", *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(url)
        command = [sys.executable, "-c", PEER, url, str(PEER_BATCHES)]
        clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(TRAINERS)]
        slowest = max(float(client.communicate()[0]) for client in clients)
        return TRAINERS * PEER_BATCHES * 1000 / slowest
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("MLflow's server did not come up")
