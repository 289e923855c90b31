"""The UI in a process of its own, before an API that runs elsewhere."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import httpx
from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, StreamingResponse

from trackstream_api.error_replies import error_reply
from trackstream_api.host_guard import HostGuard
from trackstream_api.ui.api import Api
from trackstream_api.ui.mounting import mount
from trackstream_api.version import VERSION
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_READS = frozenset({"GET", "HEAD"})
# What belongs to one connection, and what names the sides of it: the API sees this process, not the browser.
_OWN = frozenset(
    {"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "origin", "referer"}
) | {"sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "proxy-authorization", "cookie"}
# What the pages link to beside the API itself.
_BESIDE = ("/docs", "/openapi.json", "/metrics", "/ready")
_TIMEOUT = httpx.Timeout(60, read=None)


def ui_app(api_url: str, allowed_hosts: frozenset[str] | None) -> FastAPI:
    """Return an app with the UI, which hands what browsers ask of `/api/v1` on to the server at `api_url`.

    A browser then speaks with one host alone. Host names and pages of other sites are refused here, as the
    API refuses them.
    """
    # An event stream holds a connection for as long as a page is open: their number is not limited here.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    client = httpx.AsyncClient(base_url=api_url.rstrip("/"), timeout=_TIMEOUT, limits=limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(
        title="Trackstream's UI",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    passed_on = _PassedOn(client, api_url)
    app.add_route("/api/v1/{path:path}", passed_on.answer, methods=_METHODS, include_in_schema=False)
    for path in _BESIDE:
        app.add_route(path, passed_on.answer, methods=["GET", "HEAD"], include_in_schema=False)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Of this process; `/ready` is the API's."""
        return {"status": "ok", "version": VERSION}

    @app.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse("/ui/experiments")

    mount(app, Api.at(api_url))
    app.add_middleware(HostGuard, allowed=allowed_hosts)
    return app


class _PassedOn:
    """Asks the API what a browser asks, and hands back the answer as it comes."""

    def __init__(self, client: httpx.AsyncClient, shown: str) -> None:
        self._client = client
        self._shown = shown

    async def answer(self, request: Request) -> Response:
        """Return the API's answer, whose content is still to come."""
        try:
            return await self._asked(request)
        except httpx.HTTPError as error:
            return error_reply(Unavailable(f"the API at {self._shown} does not answer: {error}"))

    async def _asked(self, request: Request) -> StreamingResponse:
        reads = request.method in _READS
        # What a read carries is not handed on, and neither is how long it was.
        left_out = _OWN | {"content-length"} if reads else _OWN
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in left_out]
        if "accept-encoding" not in request.headers:
            # The client would ask for what it can read itself.
            headers.append((b"accept-encoding", b"identity"))
        # As it was sent: a name with an escaped % or / in it is another one once it is decoded.
        path = request.scope.get("raw_path") or request.url.path.encode()
        url = httpx.URL(raw_path=path + (b"?" + request.scope["query_string"] if request.url.query else b""))
        body = None if reads else request.stream()
        asked = self._client.build_request(request.method, url, headers=headers, content=body)
        answer = await self._client.send(asked, stream=True)
        kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
        return StreamingResponse(_pieces(answer), answer.status_code, kept)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        # Raw: what the API compressed goes on as it is.
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        # Also where the browser has gone, which cancels this.
        with anyio.CancelScope(shield=True):
            await answer.aclose()
