"""What clients ask about the server itself."""

from fastapi import APIRouter, Response
from starlette.responses import PlainTextResponse

from trackstream_api.mlflow.messages import reply

router = APIRouter(prefix="/3.0/mlflow")
root_router = APIRouter()

MLFLOW_VERSION = "3.17.0"
"""The version of MLflow whose API this is."""


@root_router.get(
    "/version",
    response_model=None,
    responses={200: {"content": {"text/plain": {"example": MLFLOW_VERSION}}}},
    summary="Version of MLflow that is spoken",
)
async def version() -> PlainTextResponse:
    """As MLflow's own server does: plain text."""
    return PlainTextResponse(MLFLOW_VERSION)


@router.get("/server-info")
async def server_info() -> Response:
    """What of the optional parts is here. Uploads and downloads in parts work, but gain nothing here."""
    return reply(
        {
            "store_type": None,
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": False,
            "multipart_downloads_enabled": False,
            "presigned_upload_run_id_supported": True,
            "presigned_upload_model_id_supported": True,
            "features_enabled": {"gateway": False},
        }
    )
