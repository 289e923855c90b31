"""POST /api/v1/events: encoded events from a producer, checked whole, then appended as they are."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from fastavro import schemaless_reader

from trackstream.log.port import EncodedEvent
from trackstream_api.commands import checked_tags
from trackstream_schemas import codec, validate
from trackstream_schemas import events as e
from trackstream_schemas.errors import InvalidInput, MalformedEvent
from trackstream_schemas.routing import key_of, topic_of
from trackstream_schemas.schema_files import newest

if TYPE_CHECKING:
    from trackstream_schemas.events import Event


class EventRefused(MalformedEvent):
    """One event of a request is not acceptable; none of the request was appended."""

    def __init__(self, index: int, count: int, reason: InvalidInput) -> None:
        super().__init__(reason.field, reason.value, reason.expected)
        self.field = f"events[{index}]"
        self.args = (f"event {index} of {count}: {reason}; nothing of this request was stored",)


def encoded_events(body: bytes) -> list[EncodedEvent]:
    """Return the events of a request, ready to be appended in the order given.

    Raises MalformedEvent where the request is not an IngestRequest message, and EventRefused for the
    first event that cannot be read or names what no event may.
    """
    messages = _messages(body)
    checked = []
    for index, message in enumerate(messages):
        try:
            event = codec.decode(message)
            _check(event)
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


def _check(event: Event) -> None:
    """Refuse what the SDK would not have sent: the log keeps for ever what it takes."""
    body = event.body
    validate.timestamp(event.envelope.occurred_at, "occurred_at")
    match body:
        case e.DeadLettered():
            raise InvalidInput("event", "DeadLettered", "an event that producers may append")
        case e.ArtifactChunk():
            return
        case e.ArtifactLogged() | e.ArtifactDeleted():
            validate.artifact_path(body.path)
        case e.ParamsLogged():
            for key, value in body.params.items():
                validate.param_value(value, validate.key(key, "param key"))
        case e.TagsSet() | e.ExperimentTagsSet():
            checked_tags(body.tags)
        case e.ExperimentCreated():
            validate.experiment_name(body.name)
            checked_tags(body.tags)
        case e.ExperimentRenamed():
            validate.experiment_name(body.name)
        case e.RunStarted():
            validate.experiment_id(body.experiment_id)
            validate.run_name(body.name)
            checked_tags(body.tags)
        case e.MetricsLogged():
            for key in body.keys:
                validate.key(key, "metric key")
            if len(body):
                validate.timestamp(int(body.timestamps.min()), "metric timestamp")
                validate.timestamp(int(body.timestamps.max()), "metric timestamp")
    if hasattr(body, "run_id"):
        validate.run_id(body.run_id)
    else:
        validate.experiment_id(body.experiment_id)
