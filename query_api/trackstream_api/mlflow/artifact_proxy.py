"""MLflow's artifact proxy: `mlflow-artifacts:` URIs are read and written through it by the stock client.

Contents are streamed either way. A multipart upload keeps each part as a content of its own (the ETag is its
digest), so any process of the API can take any part; completion joins them. What an aborted upload leaves is
deleted by garbage collection. The client makes such uploads only where its user asks for them, since
the plain way writes everything once.
"""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from trackstream_api.artifact_upload import store_content
from trackstream_api.mlflow import artifact_requests
from trackstream_api.mlflow.artifact_places import place_of
from trackstream_api.mlflow.current import DeskOf
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    Required,
    empty_reply,
    present,
    reply,
)
from trackstream_api.request_body import RequestBody
from trackstream_schemas import validate
from trackstream_schemas.ids import new_id

router = APIRouter(prefix="/2.0/mlflow-artifacts")

ARTIFACTS_PATH = "/api/2.0/mlflow-artifacts/artifacts"
_PARTS_PATH = "/api/2.0/mlflow-artifacts/mpu/part"
_MOST_PARTS = 10_000


class ListMessage(Message):
    path: str | None = None


class CreateUploadMessage(Message):
    path: Required
    num_parts: Annotated[int, Field(ge=1, le=_MOST_PARTS)] = 1


class PartMessage(Message):
    part_number: Int64
    etag: Required
    url: str | None = None


class CompleteUploadMessage(Message):
    path: Required
    upload_id: Required
    parts: Repeated[PartMessage]


class AbortUploadMessage(Message):
    path: Required
    upload_id: Required


@router.get("/artifacts")
def list_artifacts(desk: DeskOf, request: Annotated[ListMessage, FromQuery(ListMessage)]) -> Response:
    """The files and directories right under a path; their paths are mere names."""
    files = artifact_requests.listed(desk.store, place_of(request.path or ""), "")
    return reply(present(files=files))


@router.head("/artifacts/{path:path}", include_in_schema=False)
@router.get("/artifacts/{path:path}")
def download(desk: DeskOf, request: Request, path: str) -> Response:
    """The content of a file."""
    return artifact_requests.downloaded(desk.store, place_of(path), request)


@router.put("/artifacts/{path:path}")
async def upload(desk: DeskOf, request: Request, path: str) -> Response:
    """The body is the content, of any size."""
    place = place_of(path)
    kind = request.headers.get("content-type", "")
    body = RequestBody(request.stream())
    await run_in_threadpool(artifact_requests.upload, desk.store, place, kind, body)
    return empty_reply()


@router.delete("/artifacts/{path:path}")
def delete(desk: DeskOf, path: str) -> Response:
    """A file, or all files below a directory."""
    artifact_requests.delete(desk.store, place_of(path))
    return empty_reply()


@router.get("/presigned/{path:path}")
def presigned_download(desk: DeskOf, request: Request, path: str) -> Response:
    """An address that serves the content, ranges included: this server's own."""
    file = artifact_requests.file_at(desk.store, place_of(path))
    url = f"{str(request.base_url).rstrip('/')}{ARTIFACTS_PATH}/{quote(path.strip('/'))}"
    return reply({"url": url, "headers": {}, "file_size": file.size})


@router.post("/mpu/create/{path:path}")
def create_upload(
    http: Request, path: str, request: Annotated[CreateUploadMessage, FromBody(CreateUploadMessage)]
) -> Response:
    """Addresses of this server, one a part."""
    _place_of_upload(path, request.path)
    upload_id = new_id()
    base = f"{str(http.base_url).rstrip('/')}{_PARTS_PATH}/{upload_id}"
    credentials = [
        {"url": f"{base}/{number}", "part_number": number, "headers": {}}
        for number in range(1, request.num_parts + 1)
    ]
    return reply({"upload_id": upload_id, "credentials": credentials})


@router.put("/mpu/part/{upload_id}/{number}", include_in_schema=False)
async def upload_part(desk: DeskOf, request: Request, upload_id: str, number: int) -> Response:
    """A part; its ETag is what completion names it by."""
    validate.upload_id(upload_id)
    body = RequestBody(request.stream())
    blob = await run_in_threadpool(store_content, desk.store, body)
    return Response(headers={"ETag": blob.sha256})


@router.post("/mpu/complete/{path:path}")
def complete_upload(
    desk: DeskOf, path: str, request: Annotated[CompleteUploadMessage, FromBody(CompleteUploadMessage)]
) -> Response:
    """All parts, in the order of their numbers."""
    place = _place_of_upload(path, request.path)
    validate.upload_id(request.upload_id)
    parts = sorted(request.parts, key=lambda part: part.part_number)
    if [part.part_number for part in parts] != list(range(1, len(parts) + 1)):
        raise _wrong_parts("the numbers must be 1, 2, …")
    digests = [validate.sha256(part.etag.strip('"'), "parts.etag") for part in parts]
    for number, digest in enumerate(digests, 1):
        if desk.store.blobs.find(digest) is None:
            raise _wrong_parts(f"part {number} has not been uploaded")
    body: Any = artifact_requests.joined(desk.store, digests)
    artifact_requests.upload(desk.store, place, "", body)
    return empty_reply()


def _wrong_parts(message: str) -> InvalidParameter:
    return InvalidParameter("parts", f"Invalid value for parameter 'parts' supplied: {message}")


@router.post("/mpu/abort/{path:path}")
def abort_upload(path: str, request: Annotated[AbortUploadMessage, FromBody(AbortUploadMessage)]) -> Response:
    """Nothing will name the parts: garbage collection deletes them."""
    _place_of_upload(path, request.path)
    validate.upload_id(request.upload_id)
    return empty_reply()


def _place_of_upload(directory: str, local_file: str) -> Any:
    """Return the place of an upload: the client names the directory in the URL and its local file."""
    name = local_file.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return place_of(f"{directory.strip('/')}/{name}")
