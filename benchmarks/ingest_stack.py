"""From the log call to queryable on the real stack: Kafka, ClickHouse's protocol, consumers of their own.

All of it shares the machine with the trainers: broker, ClickHouse front, MinIO, a consumer of entities and
one of metrics, and the API.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ingest import SECONDS, TRAINERS, Sustained, figures, sustained
from benchmarks.trainers import Trainers
from benchmarks.watching import api
from tests.integration.faults.composition import Composition
from trackstream_api.native.stack import Stack, up

if TYPE_CHECKING:
    from benchmarks.measure import Figure
    from benchmarks.scale import Scale

BAR = 300_000


def run(scale: Scale) -> list[Figure]:
    """Rounds on one stack, each with a log and a database of its own."""
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "stack") as stack:
        seconds = scale.of(SECONDS, 2.0)
        found = [_round(stack, Path(folder), f"round{number}", seconds) for number in range(scale.rounds)]
    return figures(f"Kafka and ClickHouse's protocol, {TRAINERS} trainers", found, at_least=BAR)


def _round(stack: Stack, folder: Path, name: str, seconds: float) -> Sustained:
    with ExitStack() as opened:
        running = Composition(stack, folder, name, consumers=("entities", "metrics"), replicas=1)
        opened.callback(running.close)
        client = opened.enter_context(api(running.url(0)))
        trainers = Trainers(running.kafka_uri, TRAINERS, opened, "--seconds", seconds, **stack.environment())
        return sustained(client, trainers)
