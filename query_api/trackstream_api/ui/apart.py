"""The UI in a process of its own, before an API that runs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, StreamingResponse

from trackstream_api.host_guard import HostGuard
from trackstream_api.ui.api import Api
from trackstream_api.ui.mounting import mount
from trackstream_api.version import VERSION

if TYPE_CHECKING:
    from starlette.responses import Response

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
# What belongs to one connection, and what names the sides of it: the API sees this process, not the browser.
_OWN = frozenset(
    {"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "origin", "referer"}
) | {"sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"}


def ui_app(api_url: str, allowed_hosts: frozenset[str] | None) -> FastAPI:
    """Return an app with the UI, which hands what browsers ask of `/api/v1` on to the server at `api_url`.

    A browser then speaks with one host alone. Host names and pages of other sites are refused here, as the
    API refuses them.
    """
    app = FastAPI(title="Trackstream's UI", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    api = httpx.AsyncClient(base_url=api_url.rstrip("/"), timeout=httpx.Timeout(60, read=None))

    @app.api_route("/api/v1/{path:path}", methods=_METHODS)
    @app.api_route("/docs", methods=["GET"])
    async def hand_on(request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _OWN]
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        sent = api.build_request(request.method, url, headers=headers, content=request.stream())
        answer = await api.send(sent, stream=True)
        kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
        # Raw: what the API compressed goes on as it is.
        return StreamingResponse(
            answer.aiter_raw(), answer.status_code, kept, background=BackgroundTask(answer.aclose)
        )

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": VERSION}

    @app.get("/")
    async def root() -> Response:
        return RedirectResponse("/ui/experiments")

    mount(app, Api.at(api_url))
    app.add_middleware(HostGuard, allowed=allowed_hosts)
    return app
