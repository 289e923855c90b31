"""What the SDK can encode and send in one process, to a log that takes everything at once."""

from __future__ import annotations

import tempfile
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from benchmarks.measure import Figure, figure
from benchmarks.trainer import KEYS
from trackstream.client import Client
from trackstream.settings import Settings
from trackstream_schemas import codec
from trackstream_schemas.events import Event, MetricsLogged
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scale import Scale
    from trackstream.log.port import EncodedEvent

ROUNDS = 5
POINTS = 2_000_000


class NullLog:
    """Acknowledges what it drops; while it is held, an append waits."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._offset = 0
        self.waiting: list[EncodedEvent] = []
        """What the append that was held first brings."""

    def append(self, events: Sequence[EncodedEvent]) -> Future[list[Position]]:
        if not self._open.is_set():
            self.waiting = list(events)
            self._open.wait()
        acknowledged: Future[list[Position]] = Future()
        first, self._offset = self._offset, self._offset + len(events)
        acknowledged.set_result([Position(event.topic, 0, first + at) for at, event in enumerate(events)])
        return acknowledged

    def hold(self) -> None:
        """Take nothing until `release`."""
        self.waiting = []
        self._open.clear()

    def release(self) -> None:
        """Take everything again."""
        self._open.set()

    def history(self, topic: str, key: str) -> list[Event] | None:
        """Return what is not known here."""

    def close(self) -> None:
        """There is nothing to close."""


def run(scale: Scale) -> list[Figure]:
    """Both ways in one process: sending what is buffered, and logging and sending at once."""
    points = scale.of(POINTS, 100_000)
    sending, logging = [], []
    with tempfile.TemporaryDirectory() as folder:
        # Room for all, and no spool where the log stands still: it is not to be measured.
        settings = Settings(uri=folder, spool_dir=folder, max_buffered_points=10 * points, spill_after_s=3600)
        log = NullLog()
        client = Client(settings=settings, writer=log)
        for _ in range(scale.of(ROUNDS, 1)):
            sending.append(_sending(client, log, points))
            begun = time.perf_counter()
            _log(client, points)
            assert client.flush(600)
            logging.append(points / (time.perf_counter() - begun))
        assert client.close().complete
    return [
        figure("encode and send to a null log, one process", "points/s", sending, at_least=1_500_000),
        figure("the same with the calls of log_metric, in one process at once", "points/s", logging),
    ]


def _sending(client: Client, log: NullLog, points: int) -> float:
    """Return the rate at which buffered points go to the log; what was encoded before does not count."""
    log.hold()
    _log(client, points)
    while not log.waiting:
        time.sleep(0.01)
    bodies = [codec.decode(event.value).body for event in log.waiting]
    before = sum(len(body) for body in bodies if isinstance(body, MetricsLogged))
    begun = time.perf_counter()
    log.release()
    assert client.flush(600)
    return (points - before) / (time.perf_counter() - begun)


def _log(client: Client, points: int) -> None:
    run = client.create_run()
    log = run.log_metric
    for step in range(points // len(KEYS)):
        for key in KEYS:
            log(key, step * 0.37, step=step)
