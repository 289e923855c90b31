"""From the log call to queryable, embedded, sustained: trainers and server share the machine.

The peer is MLflow's server as shipped (SQLite) taking `log_batch` of 1,000 points from as many processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import Figure, figure
from benchmarks.mlflow_servers import start_shipped
from benchmarks.trainers import Trainers
from benchmarks.watching import Sampled, api, lag_ms, points_in, until_readable
from tests.integration.processes import Server, environment

if TYPE_CHECKING:
    import httpx

    from benchmarks.scale import Scale

TRAINERS = 2
SECONDS = 60.0
PEER_SECONDS = 20.0
_LAG_EVERY_S = 0.25

PEER = """
import json, sys, time
from mlflow import MlflowClient
from mlflow.entities import Metric
client = MlflowClient(sys.argv[1])
run_id = client.create_run("0").info.run_id
begun, batches = time.perf_counter(), 0
while time.perf_counter() - begun < float(sys.argv[2]):
    now = int(time.time() * 1000)
    client.log_batch(run_id, [Metric("loss", 0.37 * n, now, batches * 1000 + n) for n in range(1000)])
    batches += 1
print(json.dumps([batches * 1000, time.perf_counter() - begun]))
"""


class Sustained(NamedTuple):
    """What became of a load."""

    rate: float
    """Points queryable, by the seconds from the first call until the last point was."""
    max_lag_s: float
    """The greatest age of a record that was not projected."""
    catching_up_s: float
    """How long after the last acknowledgement of the log the last point was queryable."""


def run(scale: Scale) -> list[Figure]:
    """Rounds of ours and the peer's in turn."""
    ours: list[Sustained] = []
    peers = []
    for _ in range(scale.rounds):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
            ours.append(_ours(Path(folder), scale.of(SECONDS, 2.0)))
            peers.append(_peer(Path(folder), scale.of(PEER_SECONDS, 1.0), sides))
    ratios = [one.rate / other for one, other in zip(ours, peers, strict=True)]
    return [
        *figures(f"embedded, {TRAINERS} trainers", ours, at_least=400_000),
        figure(f"MLflow server (SQLite), log_batch of 1,000, {TRAINERS} clients", "points/s", peers),
        figure("ratio of the two", "×", ratios, at_least=50),
    ]


def figures(where: str, found: list[Sustained], *, at_least: float) -> list[Figure]:
    """Return the figures of some rounds of `sustained`."""
    return [
        figure(
            f"log_metric to queryable, {where}", "points/s", [one.rate for one in found], at_least=at_least
        ),
        figure(f"greatest lag meanwhile, {where}", "s", [one.max_lag_s for one in found]),
        figure(f"catching up behind the last call, {where}", "s", [one.catching_up_s for one in found]),
    ]


def sustained(client: httpx.Client, trainers: Trainers) -> Sustained:
    """Wait for trainers that log for a time, and until all of it is queryable through the API."""
    run_ids = trainers.run_ids()
    with (
        api(str(client.base_url)) as second,
        Sampled(lambda: lag_ms(second, run_ids[0]), _LAG_EVERY_S) as lags,
    ):
        logged = trainers.finish()
        for run_id in run_ids:
            until_readable(client, run_id)
        ended = time.time()
    wanted, seen = sum(one.total for one in logged), points_in(client)
    assert seen == wanted, f"{seen} of {wanted} points"
    began = min(one.began for one in logged)
    return Sustained(
        wanted / (ended - began), max(lags.values) / 1000, ended - max(one.ended for one in logged)
    )


def _ours(folder: Path, seconds: float) -> Sustained:
    server = Server(folder / "store", ui=True).start()
    try:
        with ExitStack() as sides, api(server.url) as client:
            uri = str(server.directory)
            return sustained(client, Trainers(uri, TRAINERS, sides, "--seconds", seconds))
    finally:
        server.close()


def _peer(folder: Path, seconds: float, sides: ExitStack) -> float:
    url = start_shipped(folder, sides)
    command = [sys.executable, "-c", PEER, url, str(seconds)]
    clients = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        for _ in range(TRAINERS)
    ]
    outputs = [client.communicate()[0] for client in clients]
    if any(client.returncode for client in clients):
        raise RuntimeError("a client of MLflow's failed")
    found = [json.loads(output.splitlines()[-1]) for output in outputs]
    return float(sum(points for points, _ in found) / max(seconds for _, seconds in found))
