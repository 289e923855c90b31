"""A run of known points: `python -m tests.integration.known_points DIR RUN_ID WRITER COUNT` logs them.

The points are a function of (writer, count) alone, so that a test can say what must be read back.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import trackstream

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEYS = tuple(f"key{number}" for number in range(10))
SPECIAL = np.array(
    [np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, -5e-324, 1.7976931348623157e308, np.pi],
    dtype=np.float64,
)
SPECIAL_STEPS = np.array([-(2**63), 2**63 - 1, -1, -2, 2**53 + 1, -(2**53) - 1], dtype=np.int64)


class Points(NamedTuple):
    """Parallel arrays, shape (n,)."""

    key_index: NDArray[np.int64]
    steps: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


def points_of(writer: int, count: int) -> Points:
    """Return the points that a writer logs, in its order."""
    random = np.random.default_rng(writer)
    number = np.arange(count)
    values = random.standard_normal(count) * 10.0 ** random.integers(-300, 300, count)
    special = random.integers(0, count, max(count // 50, len(SPECIAL)))
    values[special] = SPECIAL[np.arange(len(special)) % len(SPECIAL)]
    steps = number // len(KEYS) - count // 40
    odd = random.integers(0, count, max(count // 1000, len(SPECIAL_STEPS)))
    steps[odd] = SPECIAL_STEPS[np.arange(len(odd)) % len(SPECIAL_STEPS)]
    timestamps = 1_790_000_000_000 + number // 7 + random.integers(-3, 4, count)
    return Points(number % len(KEYS), steps, timestamps, values)


def main(directory: str, run_id: str, writer: str, count: str) -> None:
    points = points_of(int(writer), int(count))
    client = trackstream.Client(directory)
    columns = (
        points.key_index.tolist(),
        points.steps.tolist(),
        points.timestamps.tolist(),
        points.values.tolist(),
    )
    for index, step, timestamp, value in zip(*columns, strict=True):
        client.log_metric(run_id, KEYS[index], value, step=step, timestamp=timestamp)
    client.flush()
    report = client.delivery_report()
    print(report.dropped_points, report.lost_points)


if __name__ == "__main__":
    main(*sys.argv[1:])
