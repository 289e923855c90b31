"""Replay on the real stack by `trackstream replay`, from logs of 1, 2 and 4 partitions.

The command's own start is in the time. Its processor time is that of the command and of the ClickHouse front,
where the consumer that goes on meanwhile writes, too.
"""

from __future__ import annotations

import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.replay import PARTITIONS, POINTS, RUNS, figures
from benchmarks.seeding import Seeder
from benchmarks.watching import LIMIT_S, api, cpu_seconds, points_in, until_readable
from tests.integration.faults.composition import Composition
from tests.integration.processes import TRACKSTREAM
from trackstream_api.kafka_admin import create_topics
from trackstream_api.native.stack import Stack, up

if TYPE_CHECKING:
    from benchmarks.measure import Figure
    from benchmarks.scale import Scale


def run(scale: Scale) -> list[Figure]:
    """One stack, with a log and a database for each number of partitions."""
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "stack") as stack:
        return [one for partitions in PARTITIONS for one in _of(scale, stack, Path(folder), partitions)]


def _of(scale: Scale, stack: Stack, folder: Path, partitions: int) -> list[Figure]:
    points, name = scale.of(POINTS, 160_000), f"partitions{partitions}"
    rates, per_core = [], []
    # Made before the composition would make them: it leaves those that are there as they are.
    create_topics(f"kafka://{stack.kafka}?topic.prefix={name}.", partitions, environ={})
    with ExitStack() as sides:
        running = Composition(stack, folder, name, consumers=("entities", "metrics"), replicas=1)
        sides.callback(running.close)
        run_ids = Seeder(running.kafka_uri, sides).points(RUNS, points // RUNS)
        client = sides.enter_context(api(running.url(0)))
        until_readable(client, run_ids[-1])
        front = psutil.Process(stack.pid("clickhouse"))
        for number in range(scale.rounds):
            before, begun = cpu_seconds(front) + _of_ended_children(), time.perf_counter()
            process = running.spawn(f"replay-{number}", [str(TRACKSTREAM), "replay"])
            if process.wait(LIMIT_S):
                raise RuntimeError(process.output())
            rates.append(points / (time.perf_counter() - begun))
            per_core.append(points / (cpu_seconds(front) + _of_ended_children() - before))
        assert points_in(client) == points
    where = f"Kafka and ClickHouse's protocol, {partitions} partition{'s' * (partitions > 1)}"
    return figures(where, rates, per_core, None)


def _of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
