"""Points of many metrics, as Arrow."""

import tempfile
from collections.abc import Iterator
from typing import IO

from fastapi import APIRouter, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.models.base import Request
from trackstream_api.models.runs import AS_OF
from trackstream_api.queries.point_table import write_points
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_schemas import validate

router = APIRouter(prefix="/api/v1", tags=["metrics"])

_PARTS = (parts.RUNS, parts.POINTS)
_ARROW = "application/vnd.apache.arrow.stream"
_IN_MEMORY = 16 << 20
_PIECE = 1 << 20


class PointsRequest(Request):
    """Whose points."""

    run_ids: list[str] = Field(min_length=1, max_length=1000)
    keys: list[str] | None = Field(None, max_length=1000, description="Only these metrics; null: all")
    as_of: str | None = Field(None, description=AS_OF)


@router.post(
    "/metrics/history",
    response_class=Response,
    responses={200: {"content": {_ARROW: {}}, "description": "An Arrow IPC stream"}},
    summary="Every point of many metrics, as Arrow",
)
def points(store: StoreOf, request: PointsRequest, consistency: Consistency = "strong") -> Response:
    """Bit for bit, ordered by run, key, step and timestamp: the columns run_id, key, step, timestamp (UTC,
    milliseconds), value and writer. What comes in while it is gathered may or may not be among them."""
    for run_id in request.run_ids:
        validate.run_id(run_id, "run_ids")
    for key in request.keys or ():
        validate.key(key, "keys")
    # Not sent while it is read: a slow client would hold the tables still for as long as it likes.
    gathered = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed once it is sent
    try:
        with looking(store, _PARTS, consistency, request.as_of) as look:
            write_points(look.engine, request.run_ids, request.keys, gathered)
            headers = {**look.headers, "content-length": str(gathered.tell())}
    except BaseException:
        gathered.close()
        raise
    gathered.seek(0)
    return StreamingResponse(_pieces(gathered), headers=headers, media_type=_ARROW)


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while piece := content.read(_PIECE):
            yield piece
