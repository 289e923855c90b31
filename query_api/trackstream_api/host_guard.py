"""Refuses requests for other hosts where the server is bound to loopback (DNS rebinding).

A page of any web site may make its visitor's browser connect to 127.0.0.1 under the site's own name;
the Host header then still bears that name.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from trackstream_api.error_replies import error_reply
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that is bound to `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allowed_hosts(bound: str) -> frozenset[str] | None:
    """Return the names that a request may ask for, without port; None means any."""
    return _LOOPBACK_NAMES | {bound.lower()} if is_loopback(bound) else None


class HostGuard:
    """ASGI middleware that answers 400 to a request for a host that is not in `allowed`."""

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if _without_port(host) not in self._allowed:
                refusal = InvalidInput("Host header", host, "a name of this machine, such as localhost")
                await error_reply(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
