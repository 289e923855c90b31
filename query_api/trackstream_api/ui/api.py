"""What pages ask the API through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_TIMEOUT_S = 60.0


class ApiFailure(Exception):
    """The API refused or could not answer: what it said, with field and position where it told them."""

    def __init__(
        self, status: int, error_code: str, message: str, field: str = "", position: int = -1
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.field = field
        self.position = position


class Api:
    """A client of `/api/v1`; paths are given without that prefix, times are milliseconds since the epoch.

    Arguments that are None are left out. Each method returns the decoded JSON of the answer and raises
    ApiFailure for any answer that is no success.
    """

    def __init__(self, client: httpx.AsyncClient, shown: str) -> None:
        self._client = client
        self.shown = shown
        """Where the API is, for people."""

    @classmethod
    def inside(cls, app: ASGIApp, shown: str) -> Api:
        """Ask an app of this process, without a connection."""
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return cls(
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=_TIMEOUT_S), shown
        )

    @classmethod
    def at(cls, url: str) -> Api:
        """Ask a server."""
        return cls(httpx.AsyncClient(base_url=url.rstrip("/"), timeout=_TIMEOUT_S), url)

    async def get(self, path: str, /, **query: Any) -> Any:
        """Read; `query` are query parameters, lists repeat one."""
        return await self._call("GET", path, params=query)

    async def text(self, path: str, /, **query: Any) -> str:
        """Read what is no JSON, such as a small file; what is no UTF-8 becomes replacement characters."""
        return (await self._answer("GET", path, params=query)).content.decode(errors="replace")

    async def post(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """Search or act; `body` is sent as JSON, its None values left out where it is a dict."""
        return await self._call("POST", path, params=query, json=_without_none(body))

    async def put(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """Set."""
        return await self._call("PUT", path, params=query, json=body)

    async def patch(self, path: str, body: Any = None, /, **query: Any) -> Any:
        """Change."""
        return await self._call("PATCH", path, params=query, json=_without_none(body))

    async def delete(self, path: str, /, **query: Any) -> Any:
        """Delete."""
        return await self._call("DELETE", path, params=query)

    async def beginning(self, path: str, most: int, /, **query: Any) -> bytes:
        """Read the first `most` bytes of a download that is not empty, or all of a shorter one."""
        given = {"Range": f"bytes=0-{most - 1}"}
        return (await self._answer("GET", path, params=query, headers=given)).content[:most]

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = await self._answer(method, path, **options)
        return answer.json() if answer.content else None

    async def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        options["params"] = _without_none(options["params"])
        try:
            answer = await self._client.request(method, f"/api/v1{path}", **options)
        except httpx.HTTPError as error:
            raise ApiFailure(
                503, "TEMPORARILY_UNAVAILABLE", f"{self.shown} did not answer: {error}"
            ) from None
        if not answer.is_success:
            raise _failure(answer)
        return answer


def path_of(*parts: str) -> str:
    """Return a path of the API with names in it, slashes in them escaped: `path_of("models", name)`."""
    return "".join("/" + quote(part, safe="") for part in parts)


def _failure(answer: httpx.Response) -> ApiFailure:
    try:
        said = answer.json()
        return ApiFailure(
            answer.status_code,
            str(said["error_code"]),
            str(said["message"]),
            str(said.get("field") or ""),
            int(said.get("position", -1) if said.get("position") is not None else -1),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiFailure(answer.status_code, "INTERNAL_ERROR", answer.text[:500] or answer.reason_phrase)


def _without_none(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    return {name: value for name, value in given.items() if value is not None}
