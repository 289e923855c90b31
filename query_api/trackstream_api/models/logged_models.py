"""Logged models."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from trackstream_api.models.base import Model


class LoggedModelMetric(TypedDict):
    """One measurement of a model."""

    key: str
    value: float
    step: int
    timestamp: int
    run_id: str
    dataset_name: str | None
    dataset_digest: str | None


class LoggedModel(Model):
    """A logged model as folded from the log."""

    model_id: str
    experiment_id: str
    name: str = Field(description="Need not be unique")
    source_run_id: str | None = Field(description="The run that made it; null if none did")
    model_type: str | None = Field(description="For example Agent; null where it is not known")
    status: str = Field(description="PENDING, READY or FAILED")
    lifecycle_stage: str = Field(description="active or deleted")
    created_at: int = Field(description="Milliseconds since the epoch")
    updated_at: int = Field(description="Milliseconds since the epoch")
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[LoggedModelMetric] = Field(description="Every measurement, each once")
    conflicts: list[dict[str, Any]] = Field(description="Events that lost a race, in log order")


class LoggedModelPage(Model):
    """Some logged models, in the order asked for."""

    logged_models: list[LoggedModel]
    next_page_token: str | None
