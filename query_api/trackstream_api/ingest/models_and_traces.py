"""What events of logged models and traces may hold that come through POST /api/v1/events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_KEY = 255
_LONGEST_NAME = 500
_LONGEST_TEXT = 1_000_000


def check_logged_model_event(body: e.LoggedModelBody) -> None:
    """Raise InvalidInput for the first value that no such event may hold."""
    validate.run_id(body.model_id, "model_id")
    match body:
        case e.LoggedModelCreated():
            validate.experiment_id(body.experiment_id)
            _text(body.name, "name", _LONGEST_NAME)
            _text(body.model_type, "model_type", _LONGEST_NAME)
            if body.source_run_id is not None:
                validate.run_id(body.source_run_id, "source_run_id")
            _texts(body.params, "params")
            _texts(body.tags, "tags")
        case e.LoggedModelTagsSet():
            _texts(body.tags, "tags")
        case e.LoggedModelParamsLogged():
            _texts(body.params, "params")
        case e.LoggedModelTagsDeleted():
            _keys(body.keys)
        case e.LoggedModelMetricsLogged():
            validate.run_id(body.run_id)
            for metric in body.metrics:
                validate.key(metric.key, "metric key")
                validate.timestamp(metric.timestamp, "metric timestamp")
                _text(metric.dataset_name, "dataset_name", _LONGEST_NAME)
                _text(metric.dataset_digest, "dataset_digest", _LONGEST_NAME)


def check_trace_event(body: e.TraceBody) -> None:
    """Raise InvalidInput for the first value that no such event may hold."""
    validate.run_id(body.trace_id, "trace_id")
    match body:
        case e.TraceLogged():
            _check_trace(body)
        case e.TraceTagsSet():
            _texts(body.tags, "tags")
        case e.TraceTagsDeleted():
            _keys(body.keys)
        case e.TraceLinked():
            for run_id in body.run_ids:
                validate.run_id(run_id, "run_ids")
            for prompt in body.prompts:
                _text(prompt.name, "prompt name", _LONGEST_NAME)
                _text(prompt.version, "prompt version", _LONGEST_KEY)
        case e.AssessmentLogged():
            _check_assessment(body.assessment)
        case e.AssessmentUpdated():
            validate.run_id(body.assessment_id, "assessment_id")
            validate.timestamp(body.updated_at, "updated_at")
            _text(body.name, "name", _LONGEST_NAME)
            _json(body.value, "value")
            _json(body.error, "error")
            _text(body.rationale, "rationale", _LONGEST_TEXT)
            _texts(body.metadata, "metadata")
        case e.AssessmentDeleted():
            validate.run_id(body.assessment_id, "assessment_id")


def _check_trace(body: e.TraceLogged) -> None:
    validate.experiment_id(body.experiment_id)
    validate.timestamp(body.request_time, "request_time")
    _text(body.client_request_id, "client_request_id", _LONGEST_KEY)
    _text(body.request_preview, "request_preview", _LONGEST_TEXT)
    _text(body.response_preview, "response_preview", _LONGEST_TEXT)
    _texts(body.metadata, "metadata")
    _texts(body.tags, "tags")
    for assessment in body.assessments:
        _check_assessment(assessment)


def _check_assessment(assessment: e.Assessment) -> None:
    validate.run_id(assessment.assessment_id, "assessment_id")
    _text(assessment.name, "assessment name", _LONGEST_NAME)
    _json(assessment.value, "value")
    _json(assessment.error, "error")
    validate.timestamp(assessment.created_at, "created_at")
    validate.timestamp(assessment.updated_at, "updated_at")
    for name in ("source_type", "source_id", "rationale", "run_id", "span_id", "overrides"):
        _text(getattr(assessment, name), name, _LONGEST_TEXT)
    _texts(assessment.metadata, "metadata")


def _text(value: str | None, field: str, longest: int) -> None:
    if value is not None:
        validate.text(value, field, longest)


def _texts(values: Mapping[str, str], field: str) -> None:
    for key, value in values.items():
        validate.text(key, f"{field} key", _LONGEST_KEY)
        validate.text(value, f"{field} {key!r}", _LONGEST_TEXT)


def _keys(keys: list[str]) -> None:
    for key in keys:
        validate.text(key, "tag key", _LONGEST_KEY)


def _json(text: str | None, field: str) -> None:
    if text is None:
        return
    _text(text, field, _LONGEST_TEXT)
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(field, text, f"JSON ({error})") from error
