"""Event classes of logged models, one frozen dataclass per `.avsc` file; part of `events`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LoggedModelStatus = Literal["UNSPECIFIED", "PENDING", "READY", "FAILED"]


@dataclass(frozen=True, slots=True)
class LoggedModelCreated:
    model_id: str
    experiment_id: str
    name: str
    source_run_id: str | None = None
    model_type: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedModelFinalized:
    model_id: str
    status: LoggedModelStatus


@dataclass(frozen=True, slots=True)
class LoggedModelDeleted:
    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelPurged:
    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelTagsSet:
    model_id: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class LoggedModelTagsDeleted:
    model_id: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class LoggedModelParamsLogged:
    model_id: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """A measurement of a model; (dataset_name, dataset_digest) is what it was measured on."""

    key: str
    value: float
    step: int
    timestamp: int
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedModelMetricsLogged:
    model_id: str
    run_id: str
    metrics: list[ModelMetric]


LoggedModelBody = (
    LoggedModelCreated
    | LoggedModelFinalized
    | LoggedModelDeleted
    | LoggedModelPurged
    | LoggedModelTagsSet
    | LoggedModelTagsDeleted
    | LoggedModelParamsLogged
    | LoggedModelMetricsLogged
)
