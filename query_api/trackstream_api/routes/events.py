"""Events in and out as they stand on the log."""

import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool

from trackstream_api.body_limit import EVENTS_LIMIT
from trackstream_api.content_encoding import unpacked
from trackstream_api.ingest.events import encoded_events
from trackstream_api.models.admin import EntityEvents, Positions
from trackstream_api.models.base import Reply
from trackstream_api.routes.parameters import StoreOf
from trackstream_api.store import Store
from trackstream_schemas import codec, topics
from trackstream_schemas.errors import InvalidInput

router = APIRouter(prefix="/api/v1", tags=["events"])

_TOPIC_OF = {
    "experiments": topics.EXPERIMENTS,
    "runs": topics.RUNS,
    "models": topics.REGISTRY,
    "launches": topics.LAUNCHES,
}
_MESSAGE = {"type": "string", "format": "binary"}


@router.post(
    "/events",
    response_model=Positions,
    summary="Append events",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _MESSAGE}}}
    },
)
async def append(store: StoreOf, request: Request) -> Reply:
    """The body is an IngestRequest in Avro single-object encoding. All events are appended, or none: the
    first that cannot be read is named. The answer comes when the log has them on disk. The body may be
    compressed, with Content-Encoding: gzip or deflate; 415 for any other."""
    body = await request.body()
    encoding = ", ".join(request.headers.getlist("content-encoding"))
    return await run_in_threadpool(_append, store, body, encoding)


def _append(store: Store, body: bytes, encoding: str) -> Reply:
    events = encoded_events(unpacked(body, encoding, EVENTS_LIMIT))
    positions = store.log.append(events).result()
    return Reply(Positions.model_construct(positions=positions))


@router.get("/entities/{kind}/{key}/events", response_model=EntityEvents, summary="Events of one entity")
def history(
    store: StoreOf,
    kind: Literal["experiments", "runs", "models", "launches"],
    key: Annotated[str, Path(description="experiment_id, run_id, registered_model_id or launch_id")],
) -> Reply:
    """From the log itself, so they may be ahead of every projection. None for an entity nobody has named."""
    events = store.log.history(_TOPIC_OF[kind], key)
    if events is None:
        raise InvalidInput("kind", kind, "a topic that this log can look up by key")
    messages = [base64.b64encode(codec.encode(event)).decode() for event in events]
    return Reply(EntityEvents.model_construct(events=messages))
