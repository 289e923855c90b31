"""Launches of projects: list, get, logs, put into a queue, cancel."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from trackstream.projects.project_file import EntryPoint
from trackstream_api import launches as acts
from trackstream_api.artifact_download import download
from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.barrier import reading
from trackstream_api.launch_queue import starting
from trackstream_api.launch_queue.packed_project import archive_at, entry_points_in
from trackstream_api.launch_queue.queues import open_queues
from trackstream_api.models.base import Reply
from trackstream_api.models.launches import (
    CancelLaunch,
    Launch,
    LaunchedProject,
    LaunchEntryPoint,
    LaunchPage,
    LaunchParameter,
    LaunchQueues,
    RequestLaunch,
)
from trackstream_api.queries import artifacts, launches
from trackstream_api.routes.parameters import AsOf, Consistency, PageToken, StoreOf
from trackstream_api.store import Store
from trackstream_schemas import topics

router = APIRouter(prefix="/api/v1", tags=["launches"])

LaunchId = Annotated[str, Path(description="The launch's id")]
State = Literal["requested", "preparing", "ready", "running", "finished", "failed", "cancelled"]
_PARTS = (parts.LAUNCHES,)
_LOG_TOPICS = (*acts.TOPICS, topics.RUNS, topics.ARTIFACTS, topics.ARTIFACT_BYTES)


@router.get("/launches", response_model=LaunchPage, summary="List launches")
def find(
    store: StoreOf,
    state: Annotated[list[State] | None, Query(description="Only these states; repeatable")] = None,
    run_id: Annotated[str | None, Query(description="Only those that log into this run")] = None,
    queue: Annotated[str | None, Query(description="Only those of this queue")] = None,
    order: Annotated[
        Literal["newest", "oldest"], Query(description="By when they were requested")
    ] = "newest",
    entry_point: Annotated[str | None, Query(description="Only launches of entry points so named")] = None,
    id_part: Annotated[str | None, Query(description="Only ids that begin or end like this")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    page_token: PageToken = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """The newest first, or the oldest. A launch whose launcher is silent has failed, or waits in its queue
    again, which this also puts on the log; as of an earlier moment only where the log said so.
    """
    now = _now(store, consistency, as_of)
    with looking(store, _PARTS, consistency, as_of) as look:
        found = launches.find(
            look.engine,
            state or (),
            run_id,
            limit,
            page_token,
            now,
            entry_point,
            id_part,
            queue,
            oldest_first=order == "oldest",
        )
        return Reply(found, headers=look.headers)


@router.get("/launches/{launch_id}", response_model=Launch, summary="Get a launch")
def get(
    store: StoreOf, launch_id: LaunchId, consistency: Consistency = "strong", as_of: AsOf = None
) -> Reply:
    """Its request, where and how far it is, and how it ended."""
    now = _now(store, consistency, as_of)
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(launches.get(look.engine, launch_id, now), headers=look.headers)


@router.post("/launches", response_model=Launch, status_code=201, summary="Put a launch into a queue")
def start(store: StoreOf, request: RequestLaunch) -> Reply:
    """For `trackstream launch-worker` to execute; this server executes nothing. INVALID_STATE where
    TRACKSTREAM_LAUNCH_QUEUES names no queue for it. Projects in directories are sent by `trackstream run`."""
    launch_id = starting.start(store, request, acts.now_ms())
    with reading(store, acts.TOPICS) as headers:
        return Reply(launches.get(store.engine, launch_id, acts.now_ms()), 201, headers)


@router.get("/launch-queues", response_model=LaunchQueues, summary="Queues that launches can be put into")
def queues(store: StoreOf, consistency: Consistency = "strong") -> Reply:
    """With what waits there, and what workers have in hand."""
    known = open_queues()
    with reading(store, acts.TOPICS, consistency) as headers:
        found = launches.queue_counts(store.engine, known, acts.now_ms())
        return Reply(LaunchQueues(queues=found), headers=headers)


@router.get(
    "/launches/{launch_id}/project",
    response_model=LaunchedProject,
    summary="What can be launched of its project",
)
def project(store: StoreOf, launch_id: LaunchId, consistency: Consistency = "strong") -> Reply:
    """Entry points and their parameters, as the files say that were sent to a queue. Nothing is fetched from
    elsewhere, and nothing of it is executed."""
    with reading(store, _LOG_TOPICS, consistency) as headers:
        launch = launches.get(store.engine, launch_id, acts.now_ms())
        archive = archive_at(store.engine, launch.uri)
    entry_points = None
    if archive is not None:
        entry_points = [_shown(one) for one in entry_points_in(store.blobs, archive)]
    shown = LaunchedProject(
        uri=launch.uri, can_start=starting.can_start(launch.uri), entry_points=entry_points
    )
    return Reply(shown, headers=headers)


def _shown(entry_point: EntryPoint) -> LaunchEntryPoint:
    parameters = [
        LaunchParameter(name=one.name, type=one.type, default=one.default) for one in entry_point.parameters
    ]
    return LaunchEntryPoint(name=entry_point.name, parameters=parameters)


def _now(store: Store, consistency: str, as_of: str | None) -> int:
    """Return the time against which silence counts: of an earlier moment nobody is silent."""
    if as_of is not None:
        return 0
    if consistency == "strong":
        acts.record_lost(store)
    return acts.now_ms()


@router.get(
    "/launches/{launch_id}/logs",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, 206: {"content": {"text/plain": {}}}, 416: {}},
    summary="What a launch has printed",
)
def logs(
    request: Request, store: StoreOf, launch_id: LaunchId, consistency: Consistency = "strong"
) -> Response:
    """As far as its launcher has uploaded it, which it does again and again while the program runs, and at
    the end. Ranges and ETags work. Empty where nothing was uploaded yet.
    """
    with reading(store, _LOG_TOPICS, consistency) as headers:
        launch = launches.get(store.engine, launch_id, acts.now_ms())
        path = f"launches/{launch_id}/output.log"
        folder = artifacts.level(store.engine, launch.run_id, f"launches/{launch_id}").artifacts
        if not any(entry.path == path for entry in folder):
            return Response(media_type="text/plain", headers=headers)
        file = artifacts.get(store.engine, launch.run_id, path)
    answer = download(store.blobs, file, request.headers, False, is_current=consistency == "strong")
    answer.headers.update(headers)
    return answer


@router.post("/launches/{launch_id}/cancel", response_model=Launch, summary="Cancel a launch")
def cancel(store: StoreOf, launch_id: LaunchId, request: CancelLaunch | None = None) -> Reply:
    """Its launcher ends the program within some seconds. INVALID_STATE for a launch that is over."""
    return Reply(acts.cancel(store, launch_id, request.reason if request is not None else ""))
