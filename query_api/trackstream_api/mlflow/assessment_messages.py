"""Assessments as MLflow's messages, and the other way round.

Source: mlflow.entities.assessment and mlflow.protos.assessments_pb2. A value is any JSON; the store keeps it
as JSON text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import Message, present
from trackstream_api.mlflow.proto_times import millis_of_timestamp, timestamp_of_millis
from trackstream_schemas import events as e
from trackstream_schemas import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trackstream_api.models.traces import AssessmentEntry

SOURCE_RUN_ID = "mlflow.assessment.sourceRunId"
_SOURCE_TYPES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE", "AI_JUDGE")
_JSON_FORMAT = "JSON_FORMAT"
_LONGEST_NAME = 250
_LONGEST_TEXT = 1_000_000


class SourceMessage(Message):
    source_type: str | int = "SOURCE_TYPE_UNSPECIFIED"
    source_id: str | None = None


class ErrorMessage(Message):
    error_code: str | None = None
    error_message: str | None = None
    stack_trace: str | None = None


class FeedbackMessage(Message):
    value: Any = None
    error: ErrorMessage | None = None


class SerializedMessage(Message):
    serialization_format: str | None = None
    value: str = ""


class ExpectationMessage(Message):
    value: Any = None
    serialized_value: SerializedMessage | None = None


class IssueMessage(Message):
    issue_name: str = ""


class AssessmentMessage(Message):
    """An assessment in a request; which fields matter depends on the request."""

    assessment_id: str | None = None
    assessment_name: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    source: SourceMessage | None = None
    create_time: str | None = None
    last_update_time: str | None = None
    feedback: FeedbackMessage | None = None
    expectation: ExpectationMessage | None = None
    issue: IssueMessage | None = None
    rationale: str | None = None
    overrides: str | None = None
    metadata: dict[str, str] | None = None


def assessment_event(message: AssessmentMessage, assessment_id: str, now: int) -> e.Assessment:
    """Return a new assessment, `now` being its time where it names none. Raises InvalidParameter."""
    kinds = [name for name in ("feedback", "expectation", "issue") if getattr(message, name) is not None]
    if len(kinds) != 1:
        raise InvalidParameter(
            "assessment", "Exactly one of `expectation`, `feedback`, or `issue` should be specified."
        )
    if not message.assessment_name:
        raise InvalidParameter("assessment.assessment_name", "Missing value for 'assessment_name'.")
    metadata = _metadata(message.metadata)
    source = message.source or SourceMessage()
    created = _time(message.create_time, "create_time", now)
    return e.Assessment(
        assessment_id=assessment_id,
        name=validate.text(message.assessment_name, "assessment_name", _LONGEST_NAME),
        kind=kinds[0],  # type: ignore[arg-type]  # one of the three
        value=value_of(message),
        error=error_of(message.feedback),
        source_type=_source_type(source.source_type),
        source_id=validate.text(source.source_id or "default", "source_id", _LONGEST_NAME),
        created_at=created,
        updated_at=max(created, _time(message.last_update_time, "last_update_time", now)),
        rationale=_optional(message.rationale, "rationale"),
        run_id=_optional(metadata.get(SOURCE_RUN_ID), "run_id"),
        span_id=_optional(message.span_id, "span_id"),
        overrides=_optional(message.overrides, "overrides"),
        metadata=metadata,
    )


def update_event(
    message: AssessmentMessage, paths: set[str], before: AssessmentEntry, trace_id: str, now: int
) -> e.AssessmentUpdated:
    """Return the change of an assessment in the fields that `paths` names. Raises InvalidParameter."""
    value = error = None
    for kind, other in (("feedback", "Expectation"), ("expectation", "Feedback")):
        if kind in paths:
            if before["kind"] != kind:
                raise InvalidParameter(
                    "update_mask", f"Cannot update {kind} value on {_an(before['kind'] or other)} assessment."
                )
            value = value_of(message)
            error = error_of(message.feedback) if kind == "feedback" else None
    name = message.assessment_name if "assessment_name" in paths else None
    return e.AssessmentUpdated(
        trace_id,
        before["assessment_id"],
        max(now, before["updated_at"]),
        validate.text(name, "assessment_name", _LONGEST_NAME) if name else None,
        value,
        error,
        validate.text(message.rationale or "", "rationale", _LONGEST_TEXT) if "rationale" in paths else None,
        _metadata(message.metadata) if "metadata" in paths else {},
    )


def value_of(message: AssessmentMessage) -> str:
    """Return what is said, as JSON. Raises InvalidParameter."""
    if message.issue is not None:
        value: Any = message.issue.issue_name
    elif message.expectation is not None and message.expectation.serialized_value is not None:
        serialized = message.expectation.serialized_value
        if serialized.serialization_format != _JSON_FORMAT:
            raise InvalidParameter(
                "serialization_format",
                f"Unknown serialization format: {serialized.serialization_format}."
                " Only JSON_FORMAT is supported.",
            )
        try:
            value = json.loads(serialized.value)
        except ValueError as error:
            raise InvalidParameter("serialized_value", f"serialized_value is not JSON: {error}") from None
    elif message.expectation is not None:
        value = message.expectation.value
    else:
        value = message.feedback.value if message.feedback is not None else None
    return validate.text(json.dumps(value, ensure_ascii=False), "value", _LONGEST_TEXT)


def error_of(feedback: FeedbackMessage | None) -> str | None:
    """Return the error of a failed judgement as JSON."""
    if feedback is None or feedback.error is None:
        return None
    text = json.dumps(feedback.error.model_dump(exclude_none=True), ensure_ascii=False)
    return validate.text(text, "error", _LONGEST_TEXT)


def assessment_message(trace_id: str, item: AssessmentEntry) -> dict[str, Any]:
    """Return an Assessment."""
    return present(
        assessment_id=item["assessment_id"],
        assessment_name=item["name"],
        trace_id=trace_id,
        span_id=item["span_id"],
        source={"source_type": item["source_type"], "source_id": item["source_id"]},
        create_time=timestamp_of_millis(item["created_at"]),
        last_update_time=timestamp_of_millis(item["updated_at"]),
        **_said(item),
        rationale=item["rationale"],
        overrides=item["overrides"],
        metadata=item["metadata"],
        valid=item["valid"],
    )


def _said(item: AssessmentEntry) -> dict[str, Any]:
    value = item["value"]
    if item["kind"] == "issue":
        return {"issue": {"issue_name": value}}
    if item["kind"] == "expectation":
        if isinstance(value, str | int | float):
            return {"expectation": {"value": value}}
        text = json.dumps(value, ensure_ascii=False)
        return {"expectation": {"serialized_value": {"serialization_format": _JSON_FORMAT, "value": text}}}
    # A value of null is said as such: present() would leave it out.
    feedback = {"value": value} if value is not None or item["error"] is None else {}
    return {"feedback": feedback | present(error=item["error"])}


def _source_type(given: str | int) -> str:
    known = _SOURCE_TYPES[given] if isinstance(given, int) and 0 <= given < len(_SOURCE_TYPES) else given
    if known not in _SOURCE_TYPES:
        raise InvalidParameter("source_type", f"Invalid assessment source type: {given}")
    # The old name of the same thing.
    return "LLM_JUDGE" if known == "AI_JUDGE" else str(known)


def _time(text: str | None, field: str, otherwise: int) -> int:
    return max(0, millis_of_timestamp(text, field)) if text else otherwise


def _metadata(given: Mapping[str, str] | None) -> dict[str, str]:
    return {
        validate.text(key, "metadata key", _LONGEST_NAME): validate.text(value, key, _LONGEST_TEXT)
        for key, value in (given or {}).items()
    }


def _optional(given: str | None, field: str) -> str | None:
    return validate.text(given, field, _LONGEST_TEXT) if given else None


def _an(kind: str) -> str:
    return "an expectation" if kind == "expectation" else f"a {kind}"
