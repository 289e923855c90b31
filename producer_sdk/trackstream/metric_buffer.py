"""Metric points between the training loop and the sender: the hot path.

Points lie behind one another in one bytearray, 28 bytes each. Appending to it and cutting off its front
are each one atomic step under the interpreter lock, so the training loop takes no lock and makes no
object that outlives the call; numpy reads the bytes as columns.
"""

from __future__ import annotations

import struct
import threading
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.events import MetricsLogged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

_POINT = struct.Struct("<iqqd")
_COLUMNS = np.dtype([("series", "<i4"), ("step", "<i8"), ("timestamp", "<i8"), ("value", "<f8")])
_ASLEEP = -1


class Series(NamedTuple):
    """One metric of one run as one writer measures it."""

    run_id: str
    writer: str
    key: str


class RecordPoint(Protocol):
    """`log_metric` of one run."""

    def __call__(self, key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
        """Buffer one point; never waits. `step` is 0 and `timestamp` (ms) is now where not given.

        Raises InvalidInput where the name, value, step or timestamp is not one.
        """
        ...


class SeriesNumbers:
    """Numbers series from 1 in the order in which they first come. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._series: list[Series] = []
        self._numbers: dict[Series, int] = {}

    def number_of(self, series: Series) -> int:
        """Return the number under which points of a series are stored."""
        with self._lock:
            number = self._numbers.get(series)
            if number is None:
                self._series.append(series)
                number = self._numbers[series] = len(self._series)
            return number

    def known(self) -> dict[int, Series]:
        """Return all series by number."""
        with self._lock:
            return dict(enumerate(self._series, 1))

    def forget_lock(self) -> None:
        """Do without whoever held the lock in the parent of this forked child."""
        self._lock = threading.RLock()


def batches_of(points: NDArray[np.void], series: Callable[[int], Series]) -> list[MetricsLogged]:
    """Return one columnar batch for each run and writer among points, a structured array of shape (n,).

    The order of the batches, and of the points in each, depends on nothing but the points.
    """
    numbers, inverse = np.unique(points["series"], return_inverse=True)
    found = [series(number) for number in numbers.tolist()]
    members: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(found):
        members.setdefault((one.run_id, one.writer), []).append(place)
    batches = []
    for (run_id, writer), places in members.items():
        chosen, index = points, inverse
        if len(members) > 1:
            mask = np.isin(inverse, places)
            chosen, index = points[mask], np.searchsorted(places, inverse[mask])
        batches.append(
            MetricsLogged(
                run_id=run_id,
                writer=writer,
                keys=tuple(found[place].key for place in places),
                key_index=index.astype(np.int32),
                steps=np.ascontiguousarray(chosen["step"]),
                timestamps=np.ascontiguousarray(chosen["timestamp"]),
                values=np.ascontiguousarray(chosen["value"]),
            )
        )
    return batches


class PointBuffer:
    """The points of all runs of one producer, in the order in which they were logged.

    Any thread may record; one thread at a time may take. `on_full(run_id)` is called on the recording
    thread when a point finds no room or the buffer asleep; it returns whether to store it after all, and
    otherwise has counted it.
    """

    def __init__(self, max_points: int, on_full: Callable[[str], bool]) -> None:
        self.data = bytearray()
        self.on_full = on_full
        self._room_up_to = (max_points - 1) * _POINT.size
        # A list, so that every recorder sees the change: a point goes in where the data is not longer.
        self.limit = [_ASLEEP]
        self.series = SeriesNumbers()

    def __len__(self) -> int:
        return len(self.data) // _POINT.size

    def wake(self) -> None:
        """Let points in without asking `on_full` as long as there is room."""
        self.limit[0] = self._room_up_to

    def sleep(self) -> None:
        """Ask `on_full` about every point."""
        self.limit[0] = _ASLEEP

    def has_room(self) -> bool:
        """Whether another point fits into the memory bound."""
        return len(self.data) <= self._room_up_to

    def forget(self) -> None:
        """Drop all points and fall asleep: a forked child has none of its own yet."""
        self.series.forget_lock()
        self.sleep()
        del self.data[:]

    def take(self, most: int) -> bytes:
        """Remove and return up to `most` points, oldest first."""
        taken = bytes(self.data[: most * _POINT.size])
        del self.data[: len(taken)]
        return taken

    def batches(self, taken: bytes) -> list[MetricsLogged]:
        """Return taken points as one columnar batch for each run and writer among them."""
        known = self.series.known()
        return batches_of(np.frombuffer(taken, dtype=_COLUMNS), known.__getitem__)


def point_count(taken: bytes) -> int:
    """Return how many points `PointBuffer.take` gave."""
    return len(taken) // _POINT.size


class MetricBuffer:
    """One run's way into a PointBuffer."""

    def __init__(self, points: PointBuffer, run_id: str, writer: str) -> None:
        self._points = points
        self._run_id = run_id
        self._writer = writer
        self._known: dict[str, int] = {}
        self.record: RecordPoint = self._make_record()

    def record_all(
        self, metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Buffer one point of each metric; where one is not valid, none of them. Never waits."""
        points = self._points
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
            encoded.append(_POINT.pack(number, step, timestamp, value))
        if len(points.data) + (len(encoded) - 1) * _POINT.size <= points.limit[0]:
            points.data += b"".join(encoded)
            return
        for point in encoded:
            if len(points.data) <= points.limit[0] or points.on_full(self._run_id):
                points.data += point

    def _learn(self, key: object) -> int:
        name = validate.key(key, "metric name")
        number = self._known[name] = self._points.series.number_of(Series(self._run_id, self._writer, name))
        return number

    def _make_record(self) -> RecordPoint:
        # One closure instead of the methods above: half the cost, and this one runs inside training loops.
        data, limit, on_full = self._points.data, self._points.limit, self._points.on_full
        run_id, known, learn, pack, now = self._run_id, self._known, self._learn, _POINT.pack, time_ns

        def log_metric(key: str, value: float, step: int | None = None, timestamp: int | None = None) -> None:
            nonlocal data
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
                point = pack(number, step, timestamp, value)
            except struct.error:
                raise InvalidInput(f"step of metric {key!r}", step, "an integer of 64 bits") from None
            if len(data) <= limit[0] or on_full(run_id):
                data += point

        return log_metric
