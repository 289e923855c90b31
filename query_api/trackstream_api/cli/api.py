"""The client of /api/v1 that every command talks through."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from trackstream_api.cli.errors import NoAnswer, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAG_HEADER = "X-Trackstream-Lag-Ms"
AS_OF_HEADER = "X-Trackstream-As-Of"
LARGEST_PAGE = 1000
Query = dict[str, str | int | list[str]]


class Api:
    """Requests to one server. Errors: Refused with the server's reason, NoAnswer where none came."""

    def __init__(self, http: httpx.Client, where: str) -> None:
        self._http = http
        self.where = where
        """What the store is called in messages: its directory or address."""
        self.as_of: str | None = None
        """The moment that every question is about (None: now). The first answer says what it is exactly, and
        the questions behind it are about the very same."""
        self.lag_ms = 0
        """The largest lag that an answer so far has admitted to, milliseconds."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer to a GET; entries of `query` that are None are left out."""
        return self._json("GET", path, params=self._of_the_moment(query))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON answer to a POST."""
        return self._json("POST", path, json=self._of_the_moment(body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer to a PATCH."""
        return self._json("PATCH", path, json=_present(body))

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON answer to a PUT."""
        return self._json("PUT", path, json=_present(body))

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> None:
        """Send a DELETE."""
        self._json("DELETE", path, params=_present(query))

    def put_bytes(
        self, path: str, query: Mapping[str, Any], content: Iterator[bytes], content_type: str
    ) -> Any:
        """Stream `content` with a PUT and return the JSON answer."""
        headers = {"content-type": content_type}
        return self._json("PUT", path, params=_present(query), content=content, headers=headers, timeout=None)

    def pages(self, path: str, plural: str, query: Mapping[str, Any], limit: int | None) -> Iterator[Any]:
        """Yield up to `limit` items (None: all) of a paged GET, page by page as they are needed."""
        return self._pages("GET", path, plural, query, limit)

    def search_pages(
        self, path: str, plural: str, body: Mapping[str, Any], limit: int | None
    ) -> Iterator[Any]:
        """Yield up to `limit` items (None: all) of a paged POST, page by page as they are needed."""
        return self._pages("POST", path, plural, body, limit)

    def _pages(
        self, method: str, path: str, plural: str, request: Mapping[str, Any], limit: int | None
    ) -> Iterator[Any]:
        token: str | None = None
        left = limit
        while left is None or left > 0:
            size = LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
            page = {**request, "limit": size, "page_token": token}
            answer = self.get(path, page) if method == "GET" else self.post(path, page)
            items = answer[plural]
            yield from items
            if left is not None:
                left -= len(items)
            token = answer.get("next_page_token")
            if not token:
                return

    def text_of(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Return the raw answer to a POST, for formats other than JSON."""
        return self._send("POST", path, json=_present(body)).content

    def _of_the_moment(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        return _present({**(values or {}), "as_of": self.as_of})

    @contextmanager
    def stream(
        self, path: str, query: Mapping[str, Any], longest_silence: float | None = None
    ) -> Iterator[httpx.Response]:
        """Open the answer to a GET for reading in pieces; NoAnswer after a silence of so many seconds."""
        with (
            self._transport_errors(),
            self._http.stream(
                "GET", path, params=_present(query), timeout=httpx.Timeout(60, read=longest_silence)
            ) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer

    @contextmanager
    def download(
        self, path: str, body: Mapping[str, Any], longest_silence: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Open the answer to a POST and give its bytes in pieces; NoAnswer where it breaks off."""
        timeout = httpx.Timeout(60, read=longest_silence)
        with (
            self._transport_errors(),
            self._http.stream("POST", path, json=_present(body), timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer.iter_bytes()

    def _json(self, method: str, path: str, **request: Any) -> Any:
        answer = self._send(method, path, **request)
        if not answer.content:
            return None
        try:
            return answer.json()
        except json.JSONDecodeError as error:
            raise NoAnswer(
                f"{self.where}{path} did not answer with JSON; is it a Trackstream server?"
            ) from error

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._transport_errors():
            answer = self._http.request(method, path, **request)
        self.lag_ms = max(self.lag_ms, int(answer.headers.get(LAG_HEADER) or 0))
        if self.as_of is not None:
            self.as_of = answer.headers.get(AS_OF_HEADER, self.as_of)
        if answer.is_error:
            raise refusal(answer)
        return answer

    @contextmanager
    def _transport_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise NoAnswer(f"{self.where} did not answer in time: {error}") from error
        except httpx.TransportError as error:
            raise NoAnswer(f"no server answers at {self.where}: {error}") from error


def refusal(answer: httpx.Response) -> Refused:
    """Return the error that an HTTP answer stands for, whatever its body holds."""
    try:
        body = answer.json()
        points = "position" in body
        return Refused(answer.status_code, str(body["error_code"]), str(body["message"]), points)
    except (ValueError, KeyError, TypeError):
        reason = f"{answer.request.url.path} answered {answer.status_code} {answer.reason_phrase}"
        return Refused(answer.status_code, "", reason)


def _present(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}
