"""The hot path under durability=spool: a point is in the spool's journal when the call returns."""

from __future__ import annotations

import struct
from time import time_ns
from typing import TYPE_CHECKING

from trackstream.metric_buffer import Series
from trackstream.spool.journal import POINT
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trackstream.metric_buffer import RecordPoint

    Write = Callable[[bytes], object]


class JournalBuffer:
    """One run's way into its producer's journal.

    `learn` gives the number of a series. `store(run_id, point)` writes a point that the segment at hand had
    no room for and returns what writes the next ones; where it could not, it has counted the point and
    returns None.
    """

    def __init__(
        self,
        learn: Callable[[Series], int],
        store: Callable[[str, bytes], Write | None],
        run_id: str,
        writer: str,
    ) -> None:
        self._learn_series = learn
        self._store = store
        self._run_id = run_id
        self._writer = writer
        self._known: dict[str, int] = {}
        self._write: Write = _refuse
        self.record: RecordPoint = self._make_record()

    def record_all(
        self, metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Log one point of each metric; where one is not valid, none of them."""
        some_key = next(iter(metrics), "")
        step = 0 if step is None else validate.step(step, some_key)
        if timestamp is None:
            timestamp = time_ns() // 1_000_000
        else:
            validate.timestamp(timestamp, f"timestamp of metric {some_key!r}")
        encoded = []
        for key, value in metrics.items():
            number = self._known.get(key)
            if number is None:
                number = self._learn(key)
            if type(value) is not float:
                value = validate.metric_value(value, key)
            encoded.append(POINT.pack(number, step, timestamp, value, number))
        for point in encoded:
            try:
                self._write(point)
            except ValueError:
                self._write = self._store(self._run_id, point) or _refuse

    def _learn(self, key: object) -> int:
        name = validate.key(key, "metric name")
        number = self._learn_series(Series(self._run_id, self._writer, name))
        self._known[name] = number
        return number

    def _make_record(self) -> RecordPoint:
        # One closure, as in MetricBuffer and for the same reason.
        write: Write = _refuse
        run_id, known, learn, store = self._run_id, self._known, self._learn, self._store
        pack, now = POINT.pack, time_ns

        def log_metric(key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
            nonlocal write
            try:
                number = known[key]
            except (KeyError, TypeError):
                number = learn(key)
            if type(value) is not float:
                value = validate.metric_value(value, key)
            if step is None:
                step = 0
            elif type(step) is not int:
                step = validate.step(step, key)
            if timestamp is None:
                timestamp = now() // 1_000_000
            else:
                validate.timestamp(timestamp, f"timestamp of metric {key!r}")
            try:
                point = pack(number, step, timestamp, value, number)
            except struct.error:
                raise InvalidInput(f"step of metric {key!r}", step, "an integer of 64 bits") from None
            try:
                write(point)
            except ValueError:
                write = store(run_id, point) or _refuse

        return log_metric


def _refuse(_point: bytes) -> object:
    raise ValueError("no segment has been begun")
