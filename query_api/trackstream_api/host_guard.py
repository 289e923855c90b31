"""Refuses what pages of other web sites make their visitor's browser send to this server.

DNS rebinding: a page may make the browser connect to 127.0.0.1 under the site's own name; the Host header
then still bears that name. Forged writes: a page may post a form, or bytes as text/plain, to any address
without asking first; the browser then names the page's site in Origin, or says Sec-Fetch-Site: cross-site.
Clients that are no browsers send neither.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trackstream_api.error_replies import error_reply
from trackstream_schemas.errors import InvalidInput, TrackstreamError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class OtherSite(TrackstreamError):
    """A browser sends this write on behalf of a page that is not ours."""

    status = 403
    error_code = "PERMISSION_DENIED"
    exit_code = InvalidInput.exit_code


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
    """ASGI middleware that answers 400 to a request for a host that is not in `allowed`, and 403 to a
    write that comes from a page of another site.

    `allowed` None lets any host pass; a page's site must then be the host that the request is for.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str] | None) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            refusal = self._refusal(scope)
            if refusal is not None:
                await error_reply(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> TrackstreamError | None:
        host = next(iter(_values(scope, b"host")), "")
        name = _without_port(host)
        if self._allowed is not None and name not in self._allowed:
            return InvalidInput("Host header", host, "a name of this machine, such as localhost")
        # A websocket has no method: whatever it is opened for, it is more than a read.
        if scope.get("method") in _READS:
            return None
        sites = self._allowed or frozenset({name})
        for origin in _values(scope, b"origin"):
            if _site(origin) not in sites:
                return OtherSite(
                    f"Origin header: got {origin[:200]!r}; pages of other sites may not write to this server"
                )
        if "cross-site" in _values(scope, b"sec-fetch-site"):
            return OtherSite(
                "Sec-Fetch-Site header: got 'cross-site'; pages of other sites may not write to this server"
            )
        return None


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for name, value in scope["headers"] if name == wanted]


def _site(origin: str) -> str | None:
    """Return the host of an origin; None for what has none, such as the `null` of a sandboxed page."""
    try:
        parts = urlsplit(origin)
        return parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
