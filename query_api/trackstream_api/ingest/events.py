"""POST /api/v1/events: encoded events from a producer, checked whole, then appended as they are."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from fastavro import schemaless_reader

from trackstream.log.port import EncodedEvent
from trackstream_api.commands import checked_tags
from trackstream_api.ingest.launches import check_launch_event
from trackstream_api.ingest.models_and_traces import check_logged_model_event, check_trace_event
from trackstream_api.ingest.registry import check_registry_event
from trackstream_schemas import codec, validate
from trackstream_schemas import events as e
from trackstream_schemas.errors import InvalidInput, MalformedEvent
from trackstream_schemas.routing import key_of, topic_of
from trackstream_schemas.schema_files import newest

if TYPE_CHECKING:
    from trackstream_schemas.events import Event

_MAX_EVENT_ID = 64
_MAX_ACTOR = 500
_MAX_WRITER = 250
_MAX_CONTENT_TYPE = 250
_MAX_LOCATION = 2048
# Of the parts that MLflow bounds (mlflow.utils.validation) its bounds, except that a digest may be longer.
_MAX_DATASET = {
    "name": 500,
    "digest": 250,
    "source_type": 250,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}


class EventRefused(MalformedEvent):
    """One event of a request is not acceptable; none of the request was appended."""

    def __init__(self, index: int, count: int, reason: InvalidInput) -> None:
        super().__init__(reason.field, reason.value, reason.expected)
        self.field = f"events[{index}]"
        self.args = (f"event {index} of {count}: {reason}; nothing of this request was stored",)


def encoded_events(body: bytes) -> list[EncodedEvent]:
    """Return the events of a request, ready to be appended in the order given.

    Raises MalformedEvent where the request is not an IngestRequest message, and EventRefused for the
    first event that cannot be read, names what no event may, or has a lower sequence than one of its
    producer before it.
    """
    messages = _messages(body)
    checked = []
    highest: dict[str, int] = {}
    for index, message in enumerate(messages):
        try:
            event = codec.decode(message)
            _check(event)
            _check_order(event.envelope, highest)
        except InvalidInput as reason:
            raise EventRefused(index, len(messages), reason) from reason
        checked.append(EncodedEvent(topic_of(event.body), key_of(event.body), message))
    return checked


def _messages(body: bytes) -> list[bytes]:
    header = codec.MARKER + _request_schema().fingerprint
    if not body.startswith(header):
        raise MalformedEvent("request body", body[:16], "an IngestRequest in Avro single-object encoding")
    stream = io.BytesIO(body)
    stream.seek(len(header))
    try:
        record: Any = schemaless_reader(stream, _request_schema().parsed, None)
    # fastavro's compiled reader raises whatever it stumbles over in damaged bytes.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise MalformedEvent("request body", reason, "a whole IngestRequest") from error
    behind = len(body) - stream.tell()
    if behind:
        raise MalformedEvent("request body", f"{behind} bytes behind its end", "a whole IngestRequest")
    messages: list[bytes] = record["events"]
    return messages


@cache
def _request_schema() -> Any:
    return newest()["IngestRequest"]


def _check_order(envelope: e.Envelope, highest: dict[str, int]) -> None:
    """Refuse an event behind one of its producer with a higher sequence: it would be taken for a repeat."""
    before = highest.get(envelope.producer_id)
    if before is not None and envelope.sequence < before:
        expected = f"at least {before}, which producer {envelope.producer_id} has sent before it"
        raise InvalidInput("sequence", envelope.sequence, expected)
    highest[envelope.producer_id] = envelope.sequence


def _check(event: Event) -> None:
    """Refuse what the SDK would not have sent: the log keeps for ever what it takes."""
    body = event.body
    _check_envelope(event.envelope)
    if isinstance(body, e.RegistryBody):
        check_registry_event(body)
        return
    if isinstance(body, e.LoggedModelBody):
        check_logged_model_event(body)
        return
    if isinstance(body, e.TraceBody):
        check_trace_event(body)
        return
    if isinstance(body, e.LaunchBody):
        check_launch_event(body)
        return
    match body:
        case e.DeadLettered() | e.DeadLetterResolved():
            raise InvalidInput("event", type(body).__name__, "an event that producers may append")
        case e.ArtifactChunk():
            _check_chunk(body)
            return
        case e.ArtifactLogged():
            _check_artifact(body)
        case e.ArtifactDeleted():
            validate.artifact_path(body.path)
        case e.ParamsLogged():
            for key, value in body.params.items():
                validate.param_value(value, validate.key(key, "param key"))
        case e.TagsSet() | e.ExperimentTagsSet():
            checked_tags(body.tags)
        case e.TagsDeleted() | e.ExperimentTagsDeleted():
            for key in body.keys:
                validate.text(key, "tag key", validate.MAX_KEY)
        case e.ExperimentCreated():
            validate.experiment_name(body.name)
            if body.artifact_location is not None:
                validate.text(body.artifact_location, "artifact_location", _MAX_LOCATION)
            checked_tags(body.tags)
        case e.ExperimentRenamed():
            validate.experiment_name(body.name)
        case e.RunStarted():
            _check_start(body)
        case e.RunUpdated():
            _check_update(body)
        case e.InputsLogged():
            for dataset in body.datasets:
                _check_dataset(dataset)
        case e.MetricsLogged():
            _check_points(body)
        case e.WriterReported():
            _check_report(body)
        case e.RunRewound():
            validate.text(body.writer, "writer", _MAX_WRITER)
        case e.ModelsLinked():
            for model_id in (*body.inputs, *(output.model_id for output in body.outputs)):
                validate.run_id(model_id, "model_id")
    if hasattr(body, "run_id"):
        validate.run_id(body.run_id)
    else:
        validate.experiment_id(body.experiment_id)


def _check_envelope(envelope: e.Envelope) -> None:
    validate.text(envelope.event_id, "event_id", _MAX_EVENT_ID)
    validate.timestamp(envelope.occurred_at, "occurred_at")
    validate.producer_id(envelope.producer_id)
    _check_count("sequence", envelope.sequence)
    validate.text(envelope.actor, "actor", _MAX_ACTOR)


def _check_start(body: e.RunStarted) -> None:
    validate.experiment_id(body.experiment_id)
    validate.run_name(body.name)
    validate.timestamp(body.start_time, "start_time")
    validate.text(body.user_id, "user_id", validate.MAX_TAG_VALUE)
    checked_tags(body.tags)


def _check_update(body: e.RunUpdated) -> None:
    if body.name is not None:
        validate.run_name(body.name)
    if body.end_time is not None:
        validate.timestamp(body.end_time, "end_time")


def _check_points(body: e.MetricsLogged) -> None:
    validate.text(body.writer, "writer", _MAX_WRITER)
    for key in body.keys:
        validate.key(key, "metric key")
    if len(body):
        validate.timestamp(int(body.timestamps.min()), "metric timestamp")
        validate.timestamp(int(body.timestamps.max()), "metric timestamp")


def _check_report(body: e.WriterReported) -> None:
    validate.text(body.writer, "writer", _MAX_WRITER)
    validate.timestamp(body.started_at, "started_at")
    for key, count in body.points.items():
        _check_count(f"points of {validate.key(key, 'metric key')}", count)
    for name in ("batches", "run_events", "artifact_events", "lost_points", "lost_events"):
        _check_count(name, getattr(body, name))


def _check_artifact(body: e.ArtifactLogged) -> None:
    path = validate.artifact_path(body.path)
    if path != body.path:
        raise InvalidInput("artifact path", body.path, f"its plain spelling, {path!r}")
    _check_count("size", body.size)
    validate.sha256(body.sha256)
    if body.content_type is not None:
        validate.text(body.content_type, "content_type", _MAX_CONTENT_TYPE)
    if body.upload_id is not None:
        validate.upload_id(body.upload_id)


def _check_chunk(body: e.ArtifactChunk) -> None:
    validate.upload_id(body.upload_id)
    validate.sha256(body.sha256)
    _check_count("offset", body.offset)
    end = body.offset + len(body.data)
    if end > body.total_size:
        raise InvalidInput("total_size", body.total_size, f"at least {end}, where this chunk ends")


def _check_dataset(dataset: e.DatasetInput) -> None:
    for name, longest in _MAX_DATASET.items():
        value = getattr(dataset, name)
        if value is not None:
            validate.text(value, f"dataset {name}", longest)
    checked_tags(dataset.tags)


def _check_count(field: str, value: int) -> None:
    if value < 0:
        raise InvalidInput(field, value, "0 or more")
