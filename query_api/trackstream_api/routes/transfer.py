"""Events of runs and experiments as an Avro file."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from trackstream_api.barrier import reading
from trackstream_api.routes.parameters import StoreOf
from trackstream_api.transfer import container, export
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

router = APIRouter(prefix="/api/v1", tags=["events"])


class ExportRequest(BaseModel):
    """What is to be exported: runs or experiments, or both."""

    model_config = ConfigDict(extra="forbid")

    run_ids: list[str] = []
    experiment_ids: list[str] = []
    artifacts: Annotated[bool, Field(description="false leaves the contents of files out")] = True


@router.post(
    "/export",
    response_class=Response,
    responses={200: {"content": {container.MEDIA_TYPE: {}}, "description": "An Avro object-container file"}},
    summary="Export events",
)
def export_events(store: StoreOf, request: ExportRequest) -> Response:
    """From the log itself: every event of the runs or experiments with its envelope, metric batches, and the
    contents of their files as chunks. `trackstream import` reads it; so does any Avro reader."""
    if not request.run_ids and not request.experiment_ids:
        raise InvalidInput("run_ids", [], "the id of a run or of an experiment at least")
    chosen = export.choose(store.open_reader, request.run_ids, request.experiment_ids)
    # Contents are in the blob store once their chunks are projected.
    with reading(store, (topics.ARTIFACTS, topics.ARTIFACT_BYTES)):
        pass
    blobs = store.blobs if request.artifacts else None
    found = export.messages(store.open_reader, chosen, blobs)
    return StreamingResponse(container.written(found), media_type=container.MEDIA_TYPE)
