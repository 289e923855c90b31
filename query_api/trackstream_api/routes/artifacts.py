"""Artifacts: list, download, upload, delete; and the blobs that large ones are uploaded as."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from trackstream_api import artifact_upload, commands
from trackstream_api.artifact_download import download
from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.barrier import reading
from trackstream_api.models.artifacts import (
    ArtifactList,
    ArtifactSearch,
    FoundArtifacts,
    StoredArtifact,
    StoredBlob,
)
from trackstream_api.models.base import Reply
from trackstream_api.queries import artifacts, runs
from trackstream_api.request_body import RequestBody
from trackstream_api.routes.parameters import AsOf, Consistency, RunId, StoreOf
from trackstream_api.store import Store
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate

router = APIRouter(prefix="/api/v1", tags=["artifacts"])

_TOPICS = (topics.RUNS, topics.ARTIFACTS, topics.ARTIFACT_BYTES)
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_BODY = {"requestBody": {"required": True, "content": _BYTES}}

FilePath = Annotated[str, Query(description="Relative to the run, with forward slashes")]


@router.get("/runs/{run_id}/artifacts", response_model=ArtifactList, summary="One level of a run's artifacts")
def level(
    store: StoreOf,
    run_id: RunId,
    path: Annotated[str, Query(description="A directory of the run; empty is the top")] = "",
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """The files and directories right under `path`; none where there is no such directory."""
    directory = validate.artifact_path(path, "path") if path else ""
    with looking(store, (parts.RUNS, parts.FILES), consistency, as_of) as look:
        found = artifacts.level(look.engine, run_id, directory)
        if not found.artifacts:
            runs.stage_of(look.engine, run_id)
        return Reply(found, headers=look.headers)


@router.post("/artifacts/search", response_model=FoundArtifacts, summary="Files of several runs")
def search(store: StoreOf, request: ArtifactSearch, consistency: Consistency = "strong") -> Reply:
    """What lies at the same path in several runs stands together. Runs that are not there have none."""
    for run_id in request.run_ids:
        validate.run_id(run_id, "run_ids")
    if request.path:
        validate.artifact_path(request.path, "path")
    with looking(store, (parts.FILES,), consistency, request.as_of) as look:
        return Reply(artifacts.files(look.engine, request), headers=look.headers)


@router.head("/runs/{run_id}/artifacts/content", include_in_schema=False)
@router.get(
    "/runs/{run_id}/artifacts/content",
    response_class=Response,
    responses={200: {"content": _BYTES}, 206: {"content": _BYTES}, 304: {}, 416: {}},
    summary="Download an artifact",
)
def content(
    request: Request,
    store: StoreOf,
    run_id: RunId,
    path: FilePath,
    inline: Annotated[
        bool,
        Query(description="To be looked at: HTML, pictures, sound and films in a sandbox without scripts"),
    ] = False,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Response:
    """Ranges and ETags work. An attachment, never of a type that a browser would run, unless `inline`."""
    path = validate.artifact_path(path, "path")
    if as_of is None:
        with reading(store, _TOPICS, consistency) as headers:
            file = artifacts.get(store.engine, run_id, path)
    else:
        with looking(store, (parts.RUNS, parts.FILES), consistency, as_of) as look:
            headers, file = dict(look.headers), artifacts.get(look.engine, run_id, path)
    is_current, head_only = consistency == "strong", request.method == "HEAD"
    answer = download(store.blobs, file, request.headers, head_only, is_current=is_current, inline=inline)
    answer.headers.update(headers)
    return answer


@router.put(
    "/runs/{run_id}/artifacts/content",
    response_model=StoredArtifact,
    status_code=201,
    openapi_extra=_BODY,
    summary="Upload an artifact",
)
async def upload(request: Request, store: StoreOf, run_id: RunId, path: FilePath) -> Reply:
    """The body is the content, of any size; the last upload to a path wins."""
    path = validate.artifact_path(path, "path")
    kind = request.headers.get("content-type", "")
    body = RequestBody(request.stream())
    return await run_in_threadpool(_upload, store, run_id, path, kind, body)


def _upload(store: Store, run_id: str, path: str, kind: str, body: RequestBody) -> Reply:
    _require_active(store, run_id)
    return Reply(artifact_upload.store_artifact(store, run_id, path, kind, body), 201)


@router.delete("/runs/{run_id}/artifacts", response_model=StoredArtifact, summary="Delete an artifact")
def delete(store: StoreOf, run_id: RunId, path: FilePath) -> Reply:
    """Its content stays until garbage collection finds that no artifact names it."""
    path = validate.artifact_path(path, "path")
    with reading(store, _TOPICS):
        commands.require_active_run(run_id, runs.stage_of(store.engine, run_id))
        file = artifacts.get(store.engine, run_id, path)
    store.producer.emit_and_wait([e.ArtifactDeleted(run_id, path)])
    return Reply(StoredArtifact(path=path, size=file.size, sha256=file.sha256))


@router.post(
    "/blobs", response_model=StoredBlob, status_code=201, openapi_extra=_BODY, summary="Store a content"
)
async def store_blob(request: Request, store: StoreOf) -> Reply:
    """For clients that then append ArtifactLogged by themselves. Contents that nothing names are
    deleted by garbage collection after an hour at the earliest."""
    body = RequestBody(request.stream())
    return await run_in_threadpool(_store_blob, store, body)


def _store_blob(store: Store, body: RequestBody) -> Reply:
    blob = artifact_upload.store_content(store, body)
    return Reply(StoredBlob(sha256=blob.sha256, size=blob.size), 201)


def _require_active(store: Store, run_id: str) -> None:
    with reading(store, (topics.RUNS,)):
        commands.require_active_run(run_id, runs.stage_of(store.engine, run_id))
