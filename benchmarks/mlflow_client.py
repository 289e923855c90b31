"""The stock MLflow client against our server, MLflow's own, and a server that does nothing.

The peers are `mlflow server` as shipped and in its best set-up; see `mlflow_servers`. The empty handler shows
what is the client's and the web framework's part of the time. Sides take turns within each round.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, figure
from benchmarks.mlflow_servers import BEST, SHIPPED, start_mlflow, start_server
from tests.integration.processes import Server, environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.scale import Scale

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


def run(scale: Scale) -> list[Figure]:
    """Every case in turn on all sides, in rounds."""
    runs = scale.of(SEEDED_RUNS, 50)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        servers = {
            "ours": _start_ours(Path(folder), runs, sides),
            **start_mlflow(Path(folder), runs, sides),
            "empty": _start_empty(sides),
        }
        return [
            *_latencies(scale, servers, "log_metric", "log_metric acknowledged", 60, 600, 0.1),
            *_rates(scale, servers, "log_batch", 1, 10, 40, BATCH_POINTS, 5, 0.7),
            *_rates(scale, servers, "log_batch", 4, 8, 30, BATCH_POINTS, 5, 0.7),
            *_rates(scale, servers, "create_run", 1, 40, 300, 1, 5, 0.6),
            *_latencies(
                scale,
                {name: url for name, url in servers.items() if name != "empty"},
                "best",
                f"best of {runs:,} runs",
                5,
                60,
                0.02,
            ),
        ]


def _latencies(
    scale: Scale, servers: Mapping[str, str], case: str, what: str, peers: int, count: int, bar: float
) -> list[Figure]:
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(scale.rounds):
        for name, url in servers.items():
            durations = _timed([(url, case, _calls(scale, name, peers, count))])[0]
            found[name].append(statistics.median(durations) * 1000)
    figures = [figure(f"{what}, {_NAMES[name]}", "ms", samples) for name, samples in found.items()]
    figures += _to_peers(what, found, at_most=bar)
    if "empty" in found:
        figures.append(figure(f"{what}: ours to the floor", "×", _ratio(found, "ours", "empty"), at_most=1.4))
    return figures


def _rates(
    scale: Scale,
    servers: Mapping[str, str],
    case: str,
    clients: int,
    peers: int,
    count: int,
    worth: int,
    bar: float,
    floor: float,
) -> list[Figure]:
    unit = "points/s" if worth > 1 else "runs/s"
    what = f"{case} of {worth:,} points, {clients} clients" if worth > 1 else f"{case}, {clients} client"
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(scale.rounds):
        for name, url in servers.items():
            calls = _calls(scale, name, peers, count)
            durations = _timed([(url, case, calls)] * clients)
            found[name].append(clients * calls * worth / max(map(sum, durations)))
    return [
        *(figure(f"{what}, {_NAMES[name]}", unit, samples) for name, samples in found.items()),
        *_to_peers(what, found, at_least=bar),
        figure(f"{what}: ours to the floor", "×", _ratio(found, "ours", "empty"), at_least=floor),
    ]


_NAMES = {
    "ours": "ours",
    SHIPPED: "MLflow server as shipped (SQLite)",
    BEST: "MLflow server at its best (PostgreSQL, uvloop)",
    "empty": "empty handler",
}


def _calls(scale: Scale, side: str, peers: int, ours: int) -> int:
    """Return how many calls to time: MLflow's server takes so much longer that fewer are enough."""
    return scale.of(peers if side in (SHIPPED, BEST) else ours, 2)


def _to_peers(what: str, found: Mapping[str, list[float]], **bar: float) -> list[Figure]:
    """Return our ratios to MLflow; the bar is set against MLflow as people get it."""
    figures = [figure(f"{what}: ours to MLflow's", "×", _ratio(found, "ours", SHIPPED), **bar)]
    if BEST in found:
        figures.append(figure(f"{what}: ours to MLflow's best", "×", _ratio(found, "ours", BEST)))
    return figures


def _ratio(found: Mapping[str, Sequence[float]], one: str, other: str) -> list[float]:
    return [ours / theirs for ours, theirs in zip(found[one], found[other], strict=True)]


def _timed(calls: Sequence[tuple[str, str, int]]) -> list[list[float]]:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mlflow_calls", url, case, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for url, case, count in calls
    ]
    for client in clients:
        # Together: else some would be timed while others still load the package.
        assert client.stdout is not None
        while (line := client.stdout.readline()) != "ready\n":
            assert line, f"a client ended: {calls[0]}"
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    outputs = [client.communicate()[0] for client in clients]
    if any(client.returncode for client in clients):
        raise RuntimeError(f"a client failed: {calls[0]}")
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def _start_ours(folder: Path, runs: int, sides: ExitStack) -> str:
    server = Server(folder / "store", ui=True).start()
    sides.callback(server.close)
    subprocess.run(
        [sys.executable, "-c", SEED_OURS, str(server.directory), str(runs)],
        env=environment(),
        check=True,
    )
    server.wait_until_current()
    return server.url


def _start_empty(sides: ExitStack) -> str:
    command = [sys.executable, "-m", "benchmarks.empty_handler"]
    return start_server(command, "", Path(__file__).parents[1], sides)
