"""Uploads of large contents straight to the object store: the API only signs addresses and checks the result.

A store whose blobs are in a directory answers 501; clients then use POST /api/v1/blobs.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from trackstream_api.errors import NoDirectUploads
from trackstream_api.models.artifacts import StoredBlob
from trackstream_api.models.base import ErrorBody, Reply
from trackstream_api.models.uploads import CompleteRequest, UploadReply, UploadRequest
from trackstream_api.routes.parameters import StoreOf
from trackstream_api.store import Store
from trackstream_schemas.blobs import Blob
from trackstream_schemas.blobs.presigned import PresignedUploads, SentPart

router = APIRouter(prefix="/api/v1", tags=["artifacts"])

UploadId = Annotated[str, Path(description="The upload's id", max_length=200)]

_NOT_HERE: dict[int | str, dict[str, Any]] = {
    501: {"model": ErrorBody, "description": "This store takes contents only by POST /api/v1/blobs"}
}


@router.post(
    "/uploads",
    response_model=UploadReply,
    response_model_exclude_unset=True,
    status_code=201,
    responses={200: {"model": UploadReply}, **_NOT_HERE},
    summary="Begin an upload to the object store",
)
def begin(store: StoreOf, request: UploadRequest) -> Reply:
    """201 with addresses for the parts, or 200 where the content is stored already."""
    begun = _direct(store).begin_upload(request.sha256, request.size)
    if isinstance(begun, Blob):
        return Reply(UploadReply(exists=True))
    reply = UploadReply(exists=False, upload_id=begun.upload_id, part_size=begun.part_size, urls=begun.urls)
    return Reply(reply, 201)


@router.post(
    "/uploads/{upload_id}/complete",
    response_model=StoredBlob,
    responses=_NOT_HERE,
    summary="Finish an upload to the object store",
)
def complete(store: StoreOf, upload_id: UploadId, request: CompleteRequest) -> Reply:
    """Reads the content once and compares its digest, so it takes about as long as the store needs to
    deliver it; it may be repeated. What has another digest than was announced is dropped."""
    parts = [SentPart(part.number, part.etag) for part in request.parts]
    blob = _direct(store).complete_upload(upload_id, parts)
    return Reply(StoredBlob(sha256=blob.sha256, size=blob.size))


@router.delete(
    "/uploads/{upload_id}",
    status_code=204,
    responses=_NOT_HERE,
    summary="Drop an upload to the object store",
)
def abort(store: StoreOf, upload_id: UploadId) -> Response:
    """One that is not open is no error."""
    _direct(store).abort_upload(upload_id)
    return Response(status_code=204)


def _direct(store: Store) -> PresignedUploads:
    if not isinstance(store.blobs, PresignedUploads):
        raise NoDirectUploads("this store takes contents by POST /api/v1/blobs only, not by direct uploads")
    return store.blobs
