"""Event classes of traces and their assessments, one frozen dataclass per `.avsc` file; part of `events`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TraceState = Literal["STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"]
AssessmentKind = Literal["feedback", "expectation", "issue"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What somebody says about a trace. `value` and `error` are JSON; times are milliseconds."""

    assessment_id: str
    name: str
    kind: AssessmentKind
    value: str
    source_type: str
    source_id: str
    created_at: int
    updated_at: int
    error: str | None = None
    rationale: str | None = None
    run_id: str | None = None
    span_id: str | None = None
    overrides: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraceLogged:
    trace_id: str
    experiment_id: str
    request_time: int
    state: TraceState
    execution_duration: int | None = None
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    assessments: list[Assessment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TraceDeleted:
    trace_id: str


@dataclass(frozen=True, slots=True)
class TraceTagsSet:
    trace_id: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class TraceTagsDeleted:
    trace_id: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class PromptVersion:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class TraceLinked:
    trace_id: str
    run_ids: list[str] = field(default_factory=list)
    prompts: list[PromptVersion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AssessmentLogged:
    trace_id: str
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class AssessmentUpdated:
    """None leaves a field as it is; `metadata` is merged. A new value takes its error along."""

    trace_id: str
    assessment_id: str
    updated_at: int
    name: str | None = None
    value: str | None = None
    error: str | None = None
    rationale: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssessmentDeleted:
    trace_id: str
    assessment_id: str


TraceBody = (
    TraceLogged
    | TraceDeleted
    | TraceTagsSet
    | TraceTagsDeleted
    | TraceLinked
    | AssessmentLogged
    | AssessmentUpdated
    | AssessmentDeleted
)
