"""Traces and their assessments."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from trackstream_api.models.base import Model


class AssessmentEntry(TypedDict):
    """What somebody said about a trace. Times are milliseconds since the epoch."""

    assessment_id: str
    name: str
    kind: str
    value: Any
    error: dict[str, Any] | None
    source_type: str
    source_id: str
    created_at: int
    updated_at: int
    rationale: str | None
    run_id: str | None
    span_id: str | None
    overrides: str | None
    metadata: dict[str, str]
    valid: bool
    """False once another one overrides it."""


class Trace(Model):
    """A trace as folded from the log, without its spans."""

    trace_id: str
    experiment_id: str
    request_time: int = Field(description="Its start, milliseconds since the epoch")
    state: str = Field(description="OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED")
    execution_duration: int | None = Field(description="Milliseconds; null while in progress")
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None
    metadata: dict[str, str]
    tags: dict[str, str]
    assessments: list[AssessmentEntry]
    run_ids: list[str] = Field(description="Runs that it was linked to, besides the one that traced it")
    prompts: list[str] = Field(description="Prompt versions that it used, NAME/VERSION")


class TracePage(Model):
    """Some traces, in the order asked for."""

    traces: list[Trace]
    next_page_token: str | None
