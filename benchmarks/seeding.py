"""Fills stores: events of many runs, stamped, encoded and appended by the SDK, in large batches.

Left out are the buffers between a training loop and the SDK's sender, and the writers' reports of what they
sent. The projectors do the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.trainer import KEYS
from trackstream.log.open import open_log_writer
from trackstream.sender import Stamper
from trackstream_schemas import events as e
from trackstream_schemas.ids import experiment_id_of, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from contextlib import ExitStack

    from numpy.typing import NDArray

    from trackstream.log.port import EncodedEvent
    from trackstream_schemas.events import Body
    from trackstream_schemas.position import Position

EXPERIMENTS = 20
RATES = ("0.001", "0.003", "0.01", "0.03", "0.1")
DEPTHS = 12
TEAMS = ("vision", "speech", "text", "robots")
_RUNS_OF_A_PRODUCER = 100
_POINTS_OF_AN_EVENT = 20_000
"""The SDK's `batch_points`."""
_BYTES_AT_ONCE = 1 << 20
_IN_FLIGHT = 4
_START = 1_700_000_000_000
_MINUTE = 60_000


@dataclass
class SeededRuns:
    """What is known of the runs that were seeded."""

    count: int = 0
    best: float = float("inf")
    """The least val_loss."""
    best_of_experiment: float = float("inf")
    """The least val_loss of experiment 0 of EXPERIMENTS."""
    matching: int = 0
    """How many runs FILTER finds."""
    last_run_id: str = ""


FILTER = "params.lr = '0.01' AND params.depth = '4' AND metrics.val_loss < 0.3 AND tags.team = 'vision'"


def experiment_name(number: int) -> str:
    """Return the name of one of EXPERIMENTS."""
    return f"seeded-{number}"


class Seeder:
    """Appends to the log at a tracking URI; `sides` closes it."""

    def __init__(self, uri: str, sides: ExitStack) -> None:
        self._writer = open_log_writer(uri)
        sides.callback(self._writer.close)
        self._in_flight: list[Future[list[Position]]] = []
        self._encoded: list[EncodedEvent] = []
        self._bytes = 0
        self.runs_seeded = SeededRuns()

    def runs(self, count: int) -> SeededRuns:
        """Append `count` further finished runs, spread over the experiments; return what is known of all.

        Each has four params, two tags and three metrics; two events beside its beginning and end.
        """
        known = self.runs_seeded
        if not known.count:
            stamper = Stamper(new_id())
            made = [e.ExperimentCreated(experiment_id_of(name), name) for name in _experiment_names()]
            self._append(stamper, made)
        first, stop = known.count, known.count + count
        for begin in range(first, stop, _RUNS_OF_A_PRODUCER):
            numbers = range(begin, min(begin + _RUNS_OF_A_PRODUCER, stop))
            self._append(Stamper(new_id()), self._some_runs(numbers))
        self._wait()
        known.count = stop
        return known

    def points(
        self, runs: int, points: int, keys: int = len(KEYS), *, smooth: bool = False, seed: int = 0
    ) -> list[str]:
        """Append runs of so many points each, of so many metrics; return their ids.

        Values are random doubles, or losses that fall smoothly. Each run is one producer's.
        """
        random = np.random.default_rng(seed)
        run_ids = [new_id() for _ in range(runs)]
        for number, run_id in enumerate(run_ids):
            stamper = Stamper(new_id())
            start = _START + number * _MINUTE
            self._append(stamper, [e.RunStarted(run_id, "0", f"points-{number}", start, "bench")])
            for batch in _batches(run_id, points, keys, start, random, smooth=smooth):
                self._append(stamper, [batch])
            self._append(stamper, [e.RunUpdated(run_id, "FINISHED", start + points // keys)])
        self._wait()
        return run_ids

    def _some_runs(self, numbers: range) -> Iterator[Body]:
        known = self.runs_seeded
        random = np.random.default_rng(numbers.start)
        losses = random.random(len(numbers))
        choices = random.integers(0, (len(RATES), DEPTHS, len(TEAMS)), (len(numbers), 3))
        for number, loss, (rate, depth, team) in zip(numbers, losses.tolist(), choices.tolist(), strict=True):
            experiment, start, run_id = number % EXPERIMENTS, _START + number * _MINUTE, new_id()
            params = {"lr": RATES[rate], "depth": str(depth), "batch_size": "64", "optimizer": "adam"}
            yield e.RunStarted(
                run_id,
                experiment_id_of(experiment_name(experiment)),
                f"run-{number}",
                start,
                "bench",
                {"team": TEAMS[team], "mlflow.runName": f"run-{number}"},
            )
            yield e.ParamsLogged(run_id, params)
            yield e.MetricsLogged(
                run_id,
                "",
                ("accuracy", "train_loss", "val_loss"),
                np.arange(3, dtype=np.int32),
                np.full(3, 100, dtype=np.int64),
                np.full(3, start + _MINUTE, dtype=np.int64),
                np.array([1 - loss, loss * 0.9, loss]),
            )
            yield e.RunUpdated(run_id, "FINISHED", start + _MINUTE)
            known.best = min(known.best, loss)
            if experiment == 0:
                known.best_of_experiment = min(known.best_of_experiment, loss)
            fits = RATES[rate] == "0.01" and depth == 4 and TEAMS[team] == "vision" and loss < 0.3
            known.matching += fits
            known.last_run_id = run_id

    def _append(self, stamper: Stamper, bodies: Iterable[Body]) -> None:
        encoded = stamper.encode(list(bodies), "bench")
        self._encoded += encoded
        self._bytes += sum(len(event.value) for event in encoded)
        if self._bytes >= _BYTES_AT_ONCE:
            self._send()

    def _send(self) -> None:
        if len(self._in_flight) == _IN_FLIGHT:
            self._in_flight.pop(0).result()
        self._in_flight.append(self._writer.append(self._encoded))
        self._encoded, self._bytes = [], 0

    def _wait(self) -> None:
        self._send()
        while self._in_flight:
            self._in_flight.pop(0).result()


def _experiment_names() -> list[str]:
    return [experiment_name(number) for number in range(EXPERIMENTS)]


def _batches(
    run_id: str, points: int, keys: int, start: int, random: np.random.Generator, *, smooth: bool
) -> Iterator[e.MetricsLogged]:
    names = KEYS[:keys]
    of_event = _POINTS_OF_AN_EVENT - _POINTS_OF_AN_EVENT % keys
    for begin in range(0, points, of_event):
        places = np.arange(begin, min(begin + of_event, points))
        steps, index = np.divmod(places, keys)
        values: NDArray[np.float64] = random.random(len(places))
        if smooth:
            values = (2.5 * np.exp(-steps / 20_000) + 0.1) * (1 + index / 10)
        yield e.MetricsLogged(run_id, "", names, index.astype(np.int32), steps, start + steps, values)
