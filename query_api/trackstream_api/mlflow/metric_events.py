"""Points in requests as events: one columnar batch, and what of it was measured of logged models."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

import numpy as np

from trackstream_api.mlflow import rules
from trackstream_api.mlflow.messages import Int64, Message, Required
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Sequence


class MetricMessage(Message):
    """A point, perhaps of a logged model on a data set."""

    key: Required
    value: float
    timestamp: Int64
    step: Int64 | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class PointLike(Protocol):
    """A point as any reader of requests gives it; see MetricMessage."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def step(self) -> int | None: ...
    @property
    def model_id(self) -> str | None: ...
    @property
    def dataset_name(self) -> str | None: ...
    @property
    def dataset_digest(self) -> str | None: ...


def metric_events(run_id: str, points: Sequence[PointLike], *, single: bool = False) -> list[e.Body]:
    """Return the events of these points, which all must be valid. Raises InvalidParameter.

    `single` says that the request is about one point, and is no list.
    """
    keys = [point.key for point in points]
    numbers: dict[str, int] = {}
    for key in dict.fromkeys(keys):
        path = "name" if single else f"metrics[{keys.index(key)}].name"
        numbers[rules.entity_name(key, path, "Metric name")] = len(numbers)
    timestamps = np.array([point.timestamp for point in points], np.int64)
    for index in np.flatnonzero(timestamps < 0)[:1]:
        point = points[index]
        path = "timestamp" if single else f"metrics[{index}].timestamp"
        rules.timestamp(point.timestamp, path, point.key, point.value)
    batch = e.MetricsLogged(
        run_id,
        "",
        tuple(numbers),
        np.array([numbers[key] for key in keys], np.int32),
        np.array([point.step or 0 for point in points], np.int64),
        timestamps,
        np.array([point.value for point in points], np.float64),
    )
    return [batch, *_of_models(run_id, points)]


def _of_models(run_id: str, points: Sequence[PointLike]) -> list[e.Body]:
    of_models = [point for point in points if point.model_id]
    if not of_models:
        return []
    by_model = groupby(sorted(of_models, key=attrgetter("model_id")), key=attrgetter("model_id"))
    return [
        e.LoggedModelMetricsLogged(
            model_id,
            run_id,
            [
                e.ModelMetric(
                    point.key,
                    point.value,
                    point.step or 0,
                    point.timestamp,
                    point.dataset_name or None,
                    point.dataset_digest or None,
                )
                for point in measured
            ],
        )
        for model_id, measured in by_model
    ]
