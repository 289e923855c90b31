"""Health, status, Prometheus, replay, garbage collection."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from trackstream_api import gc
from trackstream_api.barrier import reading
from trackstream_api.models.admin import (
    GcReport,
    GcRequest,
    Health,
    ProjectorPosition,
    Ready,
    Status,
    Storage,
)
from trackstream_api.models.base import Reply
from trackstream_api.models.rebuild import ReplayRequest, ReplayState, VerifyRequest, VerifyState
from trackstream_api.queries import status as sizes
from trackstream_api.rebuild.replay_scope import replay_plan, topics_named
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_api.version import VERSION
from trackstream_schemas import topics
from trackstream_schemas.errors import Unavailable

router = APIRouter(tags=["administration"])

_PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/health", response_model=Health, summary="Whether the process answers and projects")
async def health(request: Request, store: StoreOf) -> Response:
    """Waits for nothing. 503 once a projector has stopped for good: the error says why, and so does `failure`
    beside a `status` of "failed". A part that is not there is told with 200: to restart this process would
    not bring it back. See /ready."""
    failure = store.failure()
    if failure is None:
        troubles = request.app.state.readiness.last_troubles()
        return Reply(Health(status="degraded" if troubles else "ok", version=VERSION, troubles=troubles))
    body = {"error_code": Unavailable.error_code, "message": failure, "status": "failed", "failure": failure}
    return JSONResponse(body | {"version": VERSION}, Unavailable.status)


@router.get("/ready", response_model=Ready, summary="Whether all that the store rests on is there")
def ready(request: Request, store: StoreOf) -> Response:
    """Asks the log, the tables, the contents and this process's projectors, for up to 5 s. 503 where one is
    not there or lets us not in: `message` and `troubles` say which, and why."""
    troubles = request.app.state.readiness.troubles()
    if not troubles:
        return Reply(Ready(version=VERSION, parts=list(request.app.state.readiness.parts())))
    message = "; ".join(f"{part}: {trouble}" for part, trouble in troubles.items())
    body = {"error_code": Unavailable.error_code, "message": message, "status": "degraded"}
    return JSONResponse(body | {"version": VERSION, "troubles": troubles}, Unavailable.status)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def prometheus(request: Request) -> Response:
    """Requests, lag, rows and dead letters in Prometheus's text format."""
    return Response(request.app.state.exposition.text(), media_type=_PROMETHEUS_TEXT)


@router.get("/api/v1/status", response_model=Status, summary="What the store holds and how fresh it is")
def status(request: Request, store: StoreOf) -> Reply:
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
            failure=store.failure() or _loss(positions),
            troubles=request.app.state.readiness.troubles(),
            **counts._asdict(),
        ),
        headers={"X-Trackstream-Lag-Ms": str(lag_ms)},
    )


@router.get("/api/v1/storage", response_model=Storage, summary="What the store takes on its disks")
def storage(store: StoreOf, consistency: Consistency = "strong") -> Reply:
    """The tables, the contents of artifacts as the tables know them, and the log where it is a file."""
    with reading(store, topics.EVENT_TOPICS, consistency) as headers:
        return Reply(sizes.storage(store.engine, store.log_bytes()), headers=headers)


def _loss(positions: Sequence[ProjectorPosition]) -> str | None:
    """Return which records the log no longer has although they were not projected, or None."""
    lost = [
        f"{at.next_offset} to {at.next_offset + at.lost - 1} of {at.topic}, partition {at.partition}"
        f" ({at.projector})"
        for at in positions
        if at.lost
    ]
    if not lost:
        return None
    return (
        f"the log lost records before they were projected: {'; '.join(lost)}."
        " `trackstream consume --accept-loss` goes on behind them"
    )


@router.post("/api/v1/replay", response_model=ReplayState, status_code=202, summary="Rebuild tables")
def start_replay(store: StoreOf, request: ReplayRequest | None = None) -> Reply:
    """Project the log from its beginning into tables aside, then swap. One rebuild or comparison at a time.

    One that was broken off is gone on with, unless from_start is said."""
    asked = request or ReplayRequest()
    plan = replay_plan(asked.topics, asked.since, store)
    return Reply(store.replay.start(plan, from_start=asked.from_start), 202)


@router.get("/api/v1/replay", response_model=ReplayState, summary="How far the rebuild is")
async def replay_state(store: StoreOf) -> Reply:
    """Of the running rebuild, or the last one."""
    return Reply(store.replay.state())


@router.post("/api/v1/verify", response_model=VerifyState, status_code=202, summary="Compare with the log")
def start_verify(store: StoreOf, request: VerifyRequest | None = None) -> Reply:
    """Project the log into tables aside and compare them with those that readers see. Nothing is changed."""
    return Reply(store.verify.start(topics_named((request or VerifyRequest()).topics)), 202)


@router.get("/api/v1/verify", response_model=VerifyState, summary="How far the comparison is, what it found")
async def verify_state(store: StoreOf) -> Reply:
    """Of the running comparison, or the last one. The first difference of each table is told."""
    return Reply(store.verify.state())


@router.post("/api/v1/gc", response_model=GcReport, summary="Purge what was deleted long ago")
def collect(store: StoreOf, request: GcRequest) -> Reply:
    """Purged runs and experiments cannot be restored; contents that no artifact names are deleted."""
    return Reply(gc.collect(store, request))
