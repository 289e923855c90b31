"""What a point takes on the disk: on the log, and in the engine's active parts.

Logged flat out by a trainer with ten metrics. The engine is then left alone until it makes no new part, with
nothing asked of it (no OPTIMIZE), and the server is stopped.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, figure
from benchmarks.trainers import Trainers
from benchmarks.watching import api, engine_bytes, points_in, until_readable, until_settled
from tests.integration.processes import Server

if TYPE_CHECKING:
    from benchmarks.scale import Scale

POINTS = 10_000_000
QUIET_S = 20.0


def run(scale: Scale) -> list[Figure]:
    """Two stores, which differ in the values."""
    return [*_of(scale, "random", "random doubles"), *_of(scale, "smooth", "smooth losses")]


def _of(scale: Scale, values: str, what: str) -> list[Figure]:
    points = scale.of(POINTS, 200_000)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sides:
        store = Path(folder) / "store"
        server = Server(store, ui=True).start()
        sides.callback(server.close)
        options = ("--points", points, "--values", values)
        trainers = Trainers(str(store), 1, sides, *options)
        run_id = trainers.run_ids()[0]
        trainers.finish()
        with api(server.url) as client:
            until_readable(client, run_id)
            assert points_in(client) == points
        until_settled(store, scale.of(QUIET_S, 2.0))
        server.stop()
        log = sum(path.stat().st_size for path in store.glob("log.db*"))
        tables = engine_bytes(store)
    bar = {"engine": 10.0, "log": 12.0} if values == "random" else {"engine": None, "log": None}
    return [
        figure(
            f"a point in the engine, {what}", "bytes", [sum(tables.values()) / points], at_most=bar["engine"]
        ),
        figure(f"of that metric_points alone, {what}", "bytes", [tables["metric_points"] / points]),
        figure(f"a point on the log, {what}", "bytes", [log / points], at_most=bar["log"]),
    ]
