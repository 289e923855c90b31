"""The stock MLflow client against our server, MLflow's own, and a server that does nothing.

The peer is `mlflow server` as shipped: default workers, SQLite. The empty handler shows what is the
client's and the web framework's part of the time. Sides take turns within each round.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.measure import Figure, figure
from tests.integration.processes import Server, environment, free_port
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS = 3
SEEDED_RUNS = 4000
BATCH_POINTS = 1000

SEED_OURS = """
import sys, trackstream
trackstream.set_tracking_uri(sys.argv[1])
trackstream.set_experiment("seeded")
for number in range(int(sys.argv[2])):
    with trackstream.start_run():
        trackstream.log_metric("val_loss", float(number), step=0)
trackstream.flush(600)
assert trackstream.delivery_report().complete
"""


def run() -> list[Figure]:
    """Every case in turn on all sides, in rounds."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        servers = {
            "ours": _start_ours(Path(folder), sides),
            "MLflow": _start_mlflow(Path(folder), sides),
            "empty": _start_empty(sides),
        }
        return [
            *_latencies(servers, "log_metric", "log_metric acknowledged", {"MLflow": 60}, 600, 0.1),
            *_rates(servers, "log_batch", 1, {"MLflow": 10}, 40, BATCH_POINTS, 5, 0.7),
            *_rates(servers, "log_batch", 4, {"MLflow": 8}, 30, BATCH_POINTS, 5, 0.7),
            *_rates(servers, "create_run", 1, {"MLflow": 40}, 300, 1, 5, 0.6),
            *_latencies(
                {name: url for name, url in servers.items() if name != "empty"},
                "best",
                f"best of {SEEDED_RUNS:,} runs",
                {"MLflow": 5},
                60,
                0.02,
            ),
        ]


def _latencies(
    servers: Mapping[str, str], case: str, what: str, counts: Mapping[str, int], count: int, bar: float
) -> list[Figure]:
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, url in servers.items():
            durations = _timed([(url, case, counts.get(name, count))])[0]
            found[name].append(statistics.median(durations) * 1000)
    figures = [figure(f"{what}, {_NAMES[name]}", "ms", samples) for name, samples in found.items()]
    figures.append(figure(f"{what}: ours to MLflow's", "×", _ratio(found, "ours", "MLflow"), at_most=bar))
    if "empty" in found:
        figures.append(figure(f"{what}: ours to the floor", "×", _ratio(found, "ours", "empty"), at_most=1.4))
    return figures


def _rates(
    servers: Mapping[str, str],
    case: str,
    clients: int,
    counts: Mapping[str, int],
    count: int,
    worth: int,
    bar: float,
    floor: float,
) -> list[Figure]:
    unit = "points/s" if worth > 1 else "runs/s"
    what = f"{case} of {worth:,} points, {clients} clients" if worth > 1 else f"{case}, {clients} client"
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, url in servers.items():
            calls = counts.get(name, count)
            durations = _timed([(url, case, calls)] * clients)
            found[name].append(clients * calls * worth / max(map(sum, durations)))
    return [
        *(figure(f"{what}, {_NAMES[name]}", unit, samples) for name, samples in found.items()),
        figure(f"{what}: ours to MLflow's", "×", _ratio(found, "ours", "MLflow"), at_least=bar),
        figure(f"{what}: ours to the floor", "×", _ratio(found, "ours", "empty"), at_least=floor),
    ]


_NAMES = {"ours": "ours", "MLflow": "MLflow server (SQLite)", "empty": "empty handler"}


def _ratio(found: Mapping[str, Sequence[float]], one: str, other: str) -> list[float]:
    return [ours / theirs for ours, theirs in zip(found[one], found[other], strict=True)]


def _timed(calls: Sequence[tuple[str, str, int]]) -> list[list[float]]:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mlflow_calls", url, case, str(count)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for url, case, count in calls
    ]
    outputs = [client.communicate()[0] for client in clients]
    if any(client.returncode for client in clients):
        raise RuntimeError(f"a client failed: {calls[0]}")
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def _start_ours(folder: Path, sides: ExitStack) -> str:
    server = Server(folder / "store").start()
    sides.callback(server.close)
    subprocess.run(
        [sys.executable, "-c", SEED_OURS, str(server.directory), str(SEEDED_RUNS)],
        env=environment(),
        check=True,
    )
    server.wait_until_current()
    return server.url


def _start_mlflow(folder: Path, sides: ExitStack) -> str:
    database = folder / "mlflow.db"
    url = _start(
        [
            str(Path(sys.executable).parent / "mlflow"),
            "server",
            "--backend-store-uri",
            f"sqlite:///{database}",
        ],
        "--port",
        folder,
        sides,
    )
    from mlflow import MlflowClient

    experiment_id = MlflowClient(url).create_experiment("seeded")
    ids = [new_id() for _ in range(SEEDED_RUNS)]
    now = int(time.time() * 1000)
    with sqlite3.connect(database, timeout=60) as connection:
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time,"
            " lifecycle_stage, experiment_id, artifact_uri)"
            " VALUES (?, 'x', 'LOCAL', 'x', 'FINISHED', ?, ?, 'active', ?, '')",
            [(run_id, now, now, int(experiment_id)) for run_id in ids],
        )
        for table in ("metrics", "latest_metrics"):
            connection.executemany(
                f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES ('val_loss', ?, ?, 0, 0, ?)",
                [(float(number), now, run_id) for number, run_id in enumerate(ids)],
            )
    connection.close()
    return url


def _start_empty(sides: ExitStack) -> str:
    return _start([sys.executable, "-m", "benchmarks.empty_handler"], "", Path(__file__).parents[1], sides)


def _start(command: list[str], port_option: str, folder: Path, sides: ExitStack) -> str:
    port = free_port()
    server = subprocess.Popen(
        [*command, *filter(None, [port_option]), str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    sides.callback(server.wait)
    sides.callback(server.terminate)
    url = f"http://127.0.0.1:{port}"
    for _ in range(900):
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{command[0]} did not come up")
