"""Traces as MLflow's messages, and the other way round.

Source: mlflow.entities.trace_info (version 3) and mlflow.entities.trace_info_v2.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.mlflow.assessment_messages import (
    AssessmentMessage,
    assessment_event,
    assessment_message,
)
from trackstream_api.mlflow.errors import InvalidParameter, MissingParameter
from trackstream_api.mlflow.messages import Message, Repeated, Required, entries, present
from trackstream_api.mlflow.proto_times import (
    duration_of_millis,
    millis_of_duration,
    millis_of_timestamp,
    timestamp_of_millis,
)
from trackstream_api.mlflow.trace_requests import texts
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from trackstream_api.models.traces import Trace
    from trackstream_schemas.events import TraceState

# In the order of the enumeration's numbers.
_STATES: tuple[TraceState, ...] = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
_V2_STATES: dict[str, TraceState] = {
    "TRACE_STATUS_UNSPECIFIED": "STATE_UNSPECIFIED",
    "OK": "OK",
    "ERROR": "ERROR",
    "IN_PROGRESS": "IN_PROGRESS",
}
_V2_NAMES: dict[str, str] = {state: name for name, state in _V2_STATES.items()}
_LONGEST_PREVIEW = 1_000_000
_LONGEST_ID = 255


class ExperimentPlaceMessage(Message):
    experiment_id: str | None = None


class LocationMessage(Message):
    mlflow_experiment: ExperimentPlaceMessage | None = None


class TraceInfoMessage(Message):
    trace_id: Required
    client_request_id: str | None = None
    trace_location: LocationMessage | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: str | None = None
    execution_duration: str | None = None
    state: str | int | None = None
    trace_metadata: dict[str, str] | None = None
    tags: dict[str, str] | None = None
    assessments: Repeated[AssessmentMessage]

    @property
    def experiment_id(self) -> str:
        """The experiment that it is for. Raises MissingParameter."""
        location = self.trace_location
        found = location.mlflow_experiment.experiment_id if location and location.mlflow_experiment else None
        if not found:
            raise MissingParameter("trace.trace_info.trace_location.mlflow_experiment.experiment_id")
        return found


def trace_event(message: TraceInfoMessage, tags: dict[str, str]) -> e.TraceLogged:
    """Return the trace as it goes on the log; `tags` are set besides its own. Raises InvalidInput."""
    now = time.time_ns() // 1_000_000
    duration = message.execution_duration
    began = millis_of_timestamp(message.request_time, "request_time") if message.request_time else 0
    return e.TraceLogged(
        trace_id=validate.run_id(message.trace_id, "trace_id"),
        experiment_id=message.experiment_id,
        request_time=began,
        state=_state(message.state),
        execution_duration=millis_of_duration(duration, "execution_duration") if duration else None,
        client_request_id=_limited(message.client_request_id, "client_request_id", _LONGEST_ID),
        request_preview=_limited(message.request_preview, "request_preview", _LONGEST_PREVIEW),
        response_preview=_limited(message.response_preview, "response_preview", _LONGEST_PREVIEW),
        metadata=texts(message.trace_metadata, "trace_metadata"),
        tags={**texts(message.tags, "tags"), **tags},
        assessments=[
            assessment_event(item, item.assessment_id or f"a-{new_id()}", now) for item in message.assessments
        ],
    )


def _state(given: str | int | None) -> TraceState:
    if isinstance(given, int) and 0 <= given < len(_STATES):
        return _STATES[given]
    for state in _STATES:
        if given in (None, state):
            return state
    raise InvalidParameter("state", f"Invalid value {given!r} for parameter 'state' supplied.")


def v2_state(given: str | int | None) -> TraceState:
    """Return the state that a status of version 2 means. Raises InvalidParameter."""
    numbered = dict(enumerate(_V2_STATES.values()))
    found = numbered.get(given) if isinstance(given, int) else _V2_STATES.get(given or "OK")
    if found is None:
        raise InvalidParameter("status", f"Invalid value {given!r} for parameter 'status' supplied.")
    return found


def _limited(text: str | None, field: str, longest: int) -> str | None:
    return validate.text(text, field, longest) if text is not None else None


def trace_info(trace: Trace) -> dict[str, Any]:
    """Return a TraceInfo of version 3."""
    duration = trace.execution_duration
    return present(
        trace_id=trace.trace_id,
        client_request_id=trace.client_request_id,
        trace_location={
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": trace.experiment_id},
        },
        request_preview=trace.request_preview,
        response_preview=trace.response_preview,
        request_time=timestamp_of_millis(trace.request_time),
        execution_duration=None if duration is None else duration_of_millis(duration),
        state=trace.state,
        trace_metadata=trace.metadata,
        assessments=[assessment_message(trace.trace_id, item) for item in trace.assessments],
        tags=trace.tags,
    )


def trace_info_v2(trace: Trace) -> dict[str, Any]:
    """Return a TraceInfo of version 2."""
    return present(
        request_id=trace.trace_id,
        experiment_id=trace.experiment_id,
        timestamp_ms=trace.request_time,
        execution_time_ms=trace.execution_duration,
        status=_V2_NAMES[trace.state],
        request_metadata=entries(trace.metadata),
        tags=entries(trace.tags),
    )
