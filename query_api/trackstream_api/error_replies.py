"""Every failure as one JSON shape: {"error_code", "message"} and, where known, "field" and "position"."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from trackstream_api.models.base import ErrorBody
from trackstream_schemas.errors import InvalidInput, TrackstreamError, Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = "1"
_CODES = {404: "ENDPOINT_NOT_FOUND", 405: "ENDPOINT_NOT_FOUND"}

RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {
        "model": ErrorBody,
        "description": "A value that cannot be accepted, or a state that forbids the act",
    },
    404: {"model": ErrorBody, "description": "No such entity"},
    503: {"model": ErrorBody, "description": "A part of the store is behind or out of reach: try again"},
    507: {"model": ErrorBody, "description": "The disk is full, read-only or damaged"},
}
"""What the OpenAPI document says about errors, for every route."""


def error_reply(error: TrackstreamError) -> JSONResponse:
    """Return the answer to a request that failed with an error of the tree."""
    body: dict[str, Any] = {"error_code": error.error_code, "message": str(error)}
    for extra in ("field", "position"):
        value = getattr(error, extra, None)
        if isinstance(value, str | int):
            body[extra] = value
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if isinstance(error, Unavailable) else None
    return JSONResponse(body, error.status, headers)


def install(app: FastAPI) -> None:
    """Make the app answer in this shape whatever goes wrong."""

    @app.exception_handler(TrackstreamError)
    async def ours(_: Request, error: TrackstreamError) -> JSONResponse:
        # What is knowingly left out is no trouble of the server's; clients ask for it and go on without.
        if error.status >= 500 and error.status != 501:
            logger.warning("%s: %s", type(error).__name__, error)
        return error_reply(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return error_reply(_refusal(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, TrackstreamError):
            # FastAPI's word for whatever befalls it while it reads a body.
            return error_reply(error.__cause__)
        if isinstance(error.__cause__, UnicodeDecodeError):
            return error_reply(InvalidInput("body", error.__cause__.object[:40], "JSON in UTF-8"))
        code = _CODES.get(error.status_code, "BAD_REQUEST")
        what = f"{request.method} {request.url.path}"
        detail = {404: f"there is no route {what}", 405: f"the route does not take {what}"}
        message = detail.get(error.status_code, str(error.detail))
        return JSONResponse({"error_code": code, "message": message}, error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"error_code": "BAD_REQUEST", "message": "the client went away"}, 400)


class LastResort:
    """ASGI middleware that answers 500 to what nobody foresaw, and leaves the trace to the server's log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            reference = new_id()
            logger.error("%s %s failed (%s)", scope["method"], scope["path"], reference, exc_info=error)
            message = f"an error that was not foreseen; the server's log has it under {reference}"
            body = {"error_code": "INTERNAL_ERROR", "message": message}
            await JSONResponse(body, 500)(scope, receive, send)


def _refusal(error: RequestValidationError) -> InvalidInput:
    """Name the first field that pydantic refused, in the words of our own errors."""
    first = error.errors()[0]
    # The first item says where it was sought: body, query or path.
    place = [str(item) for item in first["loc"][1:]] or [str(first["loc"][0])]
    if first["type"] == "json_invalid":
        return InvalidInput("body", "text that is not JSON", f"JSON ({first['ctx']['error']})")
    field = place[0] + "".join(f"[{item}]" if item.isdigit() else f".{item}" for item in place[1:])
    if first["type"] == "missing":
        return InvalidInput(field, None, "a value: the field is required")
    if first["type"] == "extra_forbidden":
        return InvalidInput(field, first["input"], "no field of this name")
    return InvalidInput(field, first["input"], first["msg"][:1].lower() + first["msg"][1:])
