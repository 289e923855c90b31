"""Assessments of traces on MLflow's face: feedback, expectations, issues."""

import re
import time
from typing import Annotated

from fastapi import APIRouter, Response

from trackstream_api.mlflow.assessment_messages import (
    AssessmentMessage,
    assessment_event,
    assessment_message,
    update_event,
)
from trackstream_api.mlflow.current import Desk, DeskOf
from trackstream_api.mlflow.messages import FromBody, Message, Repeated, empty_reply, reply
from trackstream_api.mlflow.trace_requests import current_trace
from trackstream_api.models.traces import AssessmentEntry
from trackstream_schemas import events as e
from trackstream_schemas.errors import NotFound
from trackstream_schemas.ids import new_id

router = APIRouter(prefix="/3.0/mlflow/traces/{trace_id}/assessments")

_CAPITAL = re.compile(r"[A-Z]")


class CreateMessage(Message):
    assessment: AssessmentMessage


class MaskMessage(Message):
    paths: Repeated[str]


class UpdateMessage(Message):
    assessment: AssessmentMessage
    # A FieldMask is a text in JSON; some write its fields all the same.
    update_mask: str | MaskMessage


@router.post("")
def create(
    desk: DeskOf, trace_id: str, request: Annotated[CreateMessage, FromBody(CreateMessage)]
) -> Response:
    """The id is made here. What it overrides is valid no longer."""
    overridden = request.assessment.overrides
    trace = current_trace(desk.store, trace_id)
    if overridden and all(item["assessment_id"] != overridden for item in trace.assessments):
        raise NotFound(f"Assessment with ID '{overridden}' not found for trace '{trace_id}'")
    created = assessment_event(request.assessment, f"a-{new_id()}", _now())
    desk.store.producer.emit_and_wait([e.AssessmentLogged(trace_id, created)])
    return _as_it_is_now(desk, trace_id, created.assessment_id)


@router.get("/{assessment_id}")
def get(desk: DeskOf, trace_id: str, assessment_id: str) -> Response:
    """One assessment, valid or overridden."""
    return _as_it_is_now(desk, trace_id, assessment_id)


@router.patch("/{assessment_id}")
def update(
    desk: DeskOf,
    trace_id: str,
    assessment_id: str,
    request: Annotated[UpdateMessage, FromBody(UpdateMessage)],
) -> Response:
    """Change the fields that the mask names; metadata are merged."""
    mask = request.update_mask
    paths = mask.split(",") if isinstance(mask, str) else mask.paths
    snake = {_CAPITAL.sub(lambda found: f"_{found[0].lower()}", path.strip()) for path in paths}
    before = _current(desk, trace_id, assessment_id)
    event = update_event(request.assessment, snake, before, trace_id, _now())
    desk.store.producer.emit_and_wait([event])
    return _as_it_is_now(desk, trace_id, assessment_id)


@router.delete("/{assessment_id}")
def delete(desk: DeskOf, trace_id: str, assessment_id: str) -> Response:
    """What it overrode is valid again. One that is not there is no error."""
    known = current_trace(desk.store, trace_id).assessments
    if all(item["assessment_id"] != assessment_id for item in known):
        return empty_reply()
    desk.store.producer.emit_and_wait([e.AssessmentDeleted(trace_id, assessment_id)])
    return empty_reply()


def _current(desk: Desk, trace_id: str, assessment_id: str) -> AssessmentEntry:
    trace = current_trace(desk.store, trace_id)
    for item in trace.assessments:
        if item["assessment_id"] == assessment_id:
            return item
    raise NotFound(f"Assessment with ID '{assessment_id}' not found for trace '{trace_id}'")


def _as_it_is_now(desk: Desk, trace_id: str, assessment_id: str) -> Response:
    found = _current(desk, trace_id, assessment_id)
    return reply({"assessment": assessment_message(trace_id, found)})


def _now() -> int:
    return time.time_ns() // 1_000_000
