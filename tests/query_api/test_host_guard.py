"""Who may write where any host name is served."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import PlainTextResponse

from trackstream_api.host_guard import HostGuard

if TYPE_CHECKING:
    from starlette.types import Message


def status_of(allowed: frozenset[str] | None, method: str, *headers: tuple[str, str]) -> int:
    """Return the status of the answer to a request that comes through the guard."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "headers": raw}
    asyncio.run(HostGuard(PlainTextResponse("let in"), allowed)(scope, receive, send))
    return int(sent[0]["status"])


HOST = ("host", "tracking.example:5000")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([HOST], 200),
        ([HOST, ("origin", "https://tracking.example")], 200),
        ([HOST, ("origin", "https://evil.example")], 403),
        ([HOST, ("origin", "https://tracking.example"), ("origin", "https://evil.example")], 403),
        ([HOST, ("origin", "null")], 403),
        ([HOST, ("sec-fetch-site", "cross-site")], 403),
        ([HOST, ("sec-fetch-site", "same-site")], 200),
        ([("origin", "https://tracking.example")], 403),
    ],
)
def test_without_a_list_a_page_may_write_to_its_own_host(headers: list[tuple[str, str]], status: int) -> None:
    assert status_of(None, "POST", *headers) == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_are_left_to_the_browser(method: str) -> None:
    foreign = [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")]
    assert status_of(None, method, HOST, *foreign) == 200
    assert status_of(frozenset({"localhost"}), method, ("host", "localhost"), *foreign) == 200
    assert status_of(frozenset({"localhost"}), method, HOST, *foreign) == 400
