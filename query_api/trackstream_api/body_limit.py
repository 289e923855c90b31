"""Bounds what a request may make the server hold in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.error_replies import error_reply
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON_LIMIT = 16 << 20
"""Bytes of a body that is parsed whole."""
EVENTS_LIMIT = 64 << 20
"""Bytes of one POST /api/v1/events."""

_STREAMED = ("/artifacts/content", "/api/v1/blobs")
_STREAMED_PUTS = ("/2.0/mlflow-artifacts/artifacts/", "/2.0/mlflow-artifacts/mpu/part/")


class BodyTooLarge(InvalidInput):
    """More bytes than a route accepts."""

    status = 413


class BodyLimit:
    """ASGI middleware that ends a request whose body passes the limit of its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or _is_streamed(scope, path):
            await self._app(scope, receive, send)
            return
        limit = EVENTS_LIMIT if path == "/api/v1/events" else JSON_LIMIT
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > limit:
            await error_reply(_refusal(int(announced), limit))(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _refusal(received, limit)
            return message

        await self._app(scope, counted, send)


def _is_streamed(scope: Scope, path: str) -> bool:
    """Whether the route never holds the whole body."""
    if path.endswith(_STREAMED):
        return True
    return scope["method"] == "PUT" and any(part in path for part in _STREAMED_PUTS)


def _refusal(size: int, limit: int) -> BodyTooLarge:
    return BodyTooLarge("request body", f"{size} bytes", f"at most {limit} bytes")
