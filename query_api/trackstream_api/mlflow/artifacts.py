"""Artifacts of runs on MLflow's face: lists, and the UI's downloads and uploads."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from trackstream_api.barrier import reading
from trackstream_api.mlflow import artifact_requests
from trackstream_api.mlflow.artifact_places import Place, place_of_uri, run_root
from trackstream_api.mlflow.artifact_proxy import ARTIFACTS_PATH
from trackstream_api.mlflow.current import Desk, DeskOf, current_run, location_of
from trackstream_api.mlflow.errors import InvalidParameter, MissingParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    FromQuery,
    Int64,
    Message,
    Required,
    RunIdMessage,
    present,
    reply,
)
from trackstream_api.registry import sources as registry_sources
from trackstream_api.registry.acts import SOURCE_TOPICS
from trackstream_api.request_body import RequestBody
from trackstream_schemas import validate

router = APIRouter(prefix="/2.0/mlflow")
root_router = APIRouter()


class ListArtifactsMessage(RunIdMessage):
    path: str | None = None
    page_token: str | None = None


class PresignMessage(Message):
    run_id: str | None = None
    model_id: str | None = None
    path: Required
    expiration: Int64 | None = None


@router.get("/artifacts/list")
def list_artifacts(
    desk: DeskOf, request: Annotated[ListArtifactsMessage, FromQuery(ListArtifactsMessage)]
) -> Response:
    """The files and directories right under a path of a run, all on one page."""
    path = validate.artifact_path(request.path, "path") if request.path else ""
    root = _root(desk, request.run_id)
    place = _place(root, request.run_id, path)
    return reply(present(root_uri=root, files=artifact_requests.listed(desk.store, place, path)))


def _root(desk: Desk, run_id: str) -> str:
    facts = current_run(desk.store, run_id).facts
    return run_root(facts.experiment_id, run_id, location_of(desk, facts.experiment_id))


def _place(root: str, run_id: str, path: str) -> Place:
    """Return where a path of a run is kept; of a run with a root elsewhere, what the SDK logged here."""
    return place_of_uri(f"{root}/{path}") or Place(run_id, path)


@root_router.get("/get-artifact")
def get_artifact(
    desk: DeskOf,
    request: Request,
    path: str = "",
    run_uuid: str = "",
    run_id: str = "",
) -> Response:
    """A file of a run, for people's browsers."""
    if not path:
        raise MissingParameter("path")
    run = run_id or run_uuid
    if not run:
        raise MissingParameter("run_uuid")
    path = validate.artifact_path(path, "path")
    return artifact_requests.downloaded(desk.store, _place(_root(desk, run), run, path), request)


@root_router.get("/model-versions/get-artifact")
def get_model_version_artifact(
    desk: DeskOf, request: Request, path: str = "", name: str = "", version: str = ""
) -> Response:
    """A file of a version of a registered model, for people's browsers."""
    for field, value in (("name", name), ("version", version), ("path", path)):
        if not value:
            raise MissingParameter(field)
    path = validate.artifact_path(path, "path")
    number = validate.model_version(version, "version")
    with reading(desk.store, SOURCE_TOPICS):
        root = registry_sources.place_of(desk.store.engine, f"models:/{name}/{number}")
    place = Place(root.run_id, f"{root.path}/{path}" if root.path else path)
    return artifact_requests.downloaded(desk.store, place, request)


@router.post("/upload-artifact")
async def upload_artifact(desk: DeskOf, request: Request, path: str = "", run_uuid: str = "") -> Response:
    """A small file of a run, from the web UI."""
    if not run_uuid:
        raise InvalidParameter("run_uuid", "Request must specify run_uuid.")
    if not path:
        raise InvalidParameter("path", "Request must specify path.")
    relative = validate.artifact_path(path, "path")
    kind = request.headers.get("content-type", "")
    body = RequestBody(request.stream())

    def store() -> None:
        place = _place(_root(desk, run_uuid), run_uuid, relative)
        artifact_requests.upload(desk.store, place, kind, body)

    await run_in_threadpool(store)
    return reply({})


@router.post("/artifacts/presigned-download-url")
def presigned_download(
    desk: DeskOf, http: Request, request: Annotated[PresignMessage, FromBody(PresignMessage)]
) -> Response:
    """An address that serves the content, ranges included: this server's own."""
    place, url = _address(desk, http, request)
    file = artifact_requests.file_at(desk.store, place)
    return reply({"presigned_url": url, "headers": [], "file_size": file.size})


@router.post("/artifacts/presigned-upload-url")
def presigned_upload(
    desk: DeskOf, http: Request, request: Annotated[PresignMessage, FromBody(PresignMessage)]
) -> Response:
    """An address that takes the content by PUT: this server's own."""
    return reply({"presigned_url": _address(desk, http, request)[1], "headers": []})


def _address(desk: Desk, http: Request, request: PresignMessage) -> tuple[Place, str]:
    path = validate.artifact_path(request.path, "path")
    if request.model_id:
        place = Place(validate.run_id(request.model_id, "model_id"), path)
        proxied = f"models/{place.owner}/artifacts/{path}"
    elif request.run_id:
        root = _root(desk, request.run_id)
        place = _place(root, request.run_id, path)
        proxied = f"{request.run_id}/artifacts/{path}"
    else:
        raise MissingParameter("run_id")
    return place, f"{str(http.base_url).rstrip('/')}{ARTIFACTS_PATH}/{quote(proxied)}"
