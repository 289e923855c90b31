"""Health, status, Prometheus, replay, garbage collection, dead letters."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from trackstream_api import gc
from trackstream_api.barrier import reading
from trackstream_api.models.admin import DeadLetters, GcReport, GcRequest, Health, ReplayState, Status
from trackstream_api.models.base import Reply
from trackstream_api.queries import events
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_api.store import Store
from trackstream_api.version import VERSION
from trackstream_schemas import topics
from trackstream_schemas.errors import Unavailable

router = APIRouter(tags=["administration"])

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", response_model=Health, summary="Whether the process answers and projects")
async def health(store: StoreOf) -> Response:
    """Asks neither the log nor the engine. 503 once a projector has stopped for good: the error says why,
    and so does `failure` beside a `status` of "failed"."""
    failure = store.failure()
    if failure is None:
        return Reply(Health(version=VERSION))
    body = {"error_code": Unavailable.error_code, "message": failure, "status": "failed", "failure": failure}
    return JSONResponse(body | {"version": VERSION}, Unavailable.status)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def prometheus(request: Request) -> Response:
    """Requests, lag, rows and dead letters in Prometheus's text format."""
    return Response(request.app.state.exposition.text(), media_type=_PROMETHEUS_TEXT)


@router.get("/api/v1/status", response_model=Status, summary="What the store holds and how fresh it is")
def status(store: StoreOf) -> Reply:
    """Never waits for a projection."""
    positions = store.positions()
    lag_ms = store.lag_ms()
    with store.gate.reading():
        counts = store.counts()
    behind = sum(max(0, at.end - at.next_offset) for at in positions)
    return Reply(
        Status(
            directory=store.location,
            version=VERSION,
            positions=positions,
            lag_ms=lag_ms,
            records_behind=behind,
            failure=store.failure(),
            **counts._asdict(),
        ),
        headers={"X-Trackstream-Lag-Ms": str(lag_ms)},
    )


@router.post("/api/v1/replay", response_model=ReplayState, status_code=202, summary="Rebuild every table")
def start_replay(store: StoreOf) -> Reply:
    """Project the log from its beginning into tables aside, then swap. One rebuild at a time."""
    return Reply(store.replay.start(), 202)


@router.get("/api/v1/replay", response_model=ReplayState, summary="How far the rebuild is")
async def replay_state(store: StoreOf) -> Reply:
    """Of the running rebuild, or the last one."""
    return Reply(store.replay.state())


@router.post("/api/v1/gc", response_model=GcReport, summary="Purge what was deleted long ago")
def collect(store: StoreOf, request: GcRequest) -> Reply:
    """Purged runs and experiments cannot be restored; contents that no artifact names are deleted."""
    return Reply(gc.collect(store, request))


@router.get("/api/v1/dead-letters", response_model=DeadLetters, summary="Records that could not be applied")
def dead_letters(
    store: StoreOf,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    consistency: Consistency = "strong",
) -> Reply:
    """The newest first. What is projected is told at once where a projector has stopped for good: why it
    did may stand there."""
    try:
        return _dead_letters(store, limit, consistency)
    except Unavailable:
        if store.failure() is None:
            raise
        return _dead_letters(store, limit, "eventual")


def _dead_letters(store: Store, limit: int, consistency: str) -> Reply:
    with reading(store, topics.EVENT_TOPICS, consistency) as headers:
        return Reply(events.dead_letters(store.engine, limit), headers=headers)
