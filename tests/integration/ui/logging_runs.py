"""Runs that a browser test makes for itself, through the server that it looks at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import numpy as np

from trackstream.log.http import HttpLogWriter
from trackstream.producer import Producer
from trackstream.settings import Settings
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextmanager
def logging_to(site: str) -> Iterator[Callable[..., object]]:
    """Give a function that appends events, and returns once the log has them."""
    writer = HttpLogWriter(site)
    producer = Producer(writer, Settings())
    try:
        yield lambda *bodies: producer.emit_and_wait(bodies)
    finally:
        producer.close(10)
        writer.close()


def new_experiment(site: str, name: str, tags: Mapping[str, str] | None = None) -> str:
    """Create an experiment; return its id."""
    body = {"name": name, "tags": dict(tags or {})}
    made = httpx.post(f"{site}/api/v1/experiments", json=body, timeout=60)
    assert made.status_code == 201, made.text
    return str(made.json()["experiment_id"])


def last_values(run_id: str, values: Mapping[str, float], timestamp: int) -> e.MetricsLogged:
    """Return one point of each metric, at step 10."""
    count = len(values)
    return e.MetricsLogged(
        run_id,
        "",
        tuple(values),
        np.arange(count, dtype=np.int32),
        np.full(count, 10, np.int64),
        np.full(count, timestamp, np.int64),
        np.array(list(values.values())),
    )
