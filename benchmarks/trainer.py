"""`python -m benchmarks.trainer URI …`: a training process that logs through the SDK, flat out or at a rate.

Prints the ids of its runs as one JSON line when they have begun, and what it has done as another at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from trackstream.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trackstream.run import Run

KEYS = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
CLOCK = "clock"
"""The metric whose value is the time, nanoseconds since the epoch, at which it was logged."""
_WEIGHTS = [1 + number / 10 for number in range(len(KEYS))]
_TICK_S = 0.01
_STEPS_AT_ONCE = 1000
_MOST_PENDING = 500_000
"""Flat out, the loop waits while the SDK has more to send: well before memory is half full, which is when
it would spool."""


@dataclass
class Logged:
    """What one process logged. Times are seconds since the epoch."""

    began: float
    ended: float = 0.0
    """When all was on the log."""
    points: dict[str, int] = field(default_factory=dict)
    """By run."""
    stamps: list[float] = field(default_factory=list)
    """The values of CLOCK."""
    slowest_tick_s: float = 0.0
    """At a rate: by how much the loop was late at worst."""

    @property
    def total(self) -> int:
        """Points of all runs."""
        return sum(self.points.values())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--points", type=float, default=math.inf, help="of each producer")
    parser.add_argument("--rate", type=float, default=0, help="points/s of the process; 0: flat out")
    parser.add_argument("--producers", type=int, default=1, help="each with a client and a run of its own")
    parser.add_argument("--values", choices=["random", "smooth"], default="random")
    parser.add_argument("--clock", action="store_true", help="log the time, too; needs a rate")
    given = parser.parse_args()
    clients = [Client(given.uri) for _ in range(given.producers)]
    runs = [client.create_run() for client in clients]
    for client in clients:
        client.flush(600)
    print(json.dumps([run.run_id for run in runs]), flush=True)
    logged = Logged(began=time.time())
    until = time.monotonic() + given.seconds
    values = _random if given.values == "random" else _smooth
    if given.rate:
        _steadily(runs, values, given.rate / len(runs), until, given.points, logged, clock=given.clock)
    else:
        _flat_out(clients, runs, values, until, given.points, logged)
    for client, run in zip(clients, runs, strict=True):
        client.set_terminated(run.run_id)
    for client in clients:
        report = client.close(600)
        assert report.complete, report
        assert not any(report.spooled), report
    logged.ended = time.time()
    print(json.dumps(asdict(logged)), flush=True)


def read(line: str) -> Logged:
    """Return what a trainer printed at its end."""
    found: dict[str, Any] = json.loads(line)
    return Logged(**found)


def _random(_step: int) -> list[float]:
    return [random.random() for _ in KEYS]


def _smooth(step: int) -> list[float]:
    level = 2.5 * math.exp(-step / 20_000) + 0.1
    return [level * weight for weight in _WEIGHTS]


def _flat_out(
    clients: list[Client],
    runs: list[Run],
    values: Callable[[int], list[float]],
    until: float,
    points: float,
    logged: Logged,
) -> None:
    step, last_step = 0, points / len(KEYS)
    while step < last_step and time.monotonic() < until:
        stop = int(min(step + _STEPS_AT_ONCE, last_step))
        for client, run in zip(clients, runs, strict=True):
            log = run.log_metric
            for at in range(step, stop):
                for key, value in zip(KEYS, values(at), strict=True):
                    log(key, value, step=at)
            while client.delivery_report().pending.points > _MOST_PENDING:
                time.sleep(0.005)
        step = stop
    logged.points = {run.run_id: step * len(KEYS) for run in runs}


def _steadily(
    runs: list[Run],
    values: Callable[[int], list[float]],
    rate: float,
    until: float,
    points: float,
    logged: Logged,
    *,
    clock: bool,
) -> None:
    begun = time.monotonic()
    steps = tick = 0
    while steps * len(KEYS) < points and (now := time.monotonic()) < until:
        due = int((now - begun) * rate / len(KEYS))
        for run in runs:
            log = run.log_metric
            for at in range(steps, due):
                for key, value in zip(KEYS, values(at), strict=True):
                    log(key, value, step=at)
        steps = max(steps, due)
        if clock:
            stamp = float(time.time_ns())
            runs[0].log_metric(CLOCK, stamp, step=tick)
            logged.stamps.append(stamp)
        tick += 1
        late = time.monotonic() - now - _TICK_S
        logged.slowest_tick_s = max(logged.slowest_tick_s, late)
        time.sleep(max(0.0, -late))
    logged.points = {run.run_id: steps * len(KEYS) for run in runs}
    logged.points[runs[0].run_id] += len(logged.stamps)


if __name__ == "__main__":
    main()
