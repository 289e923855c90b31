"""The HTTP side of the protocol: one route for queries, one for being alive."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from trackstream_api.clickhouse_front.auth import authenticate
from trackstream_api.clickhouse_front.block_compression import compressed
from trackstream_api.clickhouse_front.compression import Compressor
from trackstream_api.clickhouse_front.errors import REQUIRED_PASSWORD, EngineError
from trackstream_api.clickhouse_front.query import read_query
from trackstream_schemas.errors import TrackstreamError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from starlette.requests import Request

    from trackstream_api.clickhouse_front.query import Answer, Executor, Guard, Query
    from trackstream_consumers.engine import Engine

_THREADS = 8
_HELD_BACK = 1 << 20
_WORTH_COMPRESSING = 4096
_BODY_OF_A_SERVER = 1 << 30
_BODY_OF_A_READER = 4 << 20

_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNames": "text/tab-separated-values; charset=UTF-8",
    "TabSeparatedWithNamesAndTypes": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
}


def create_front(
    engine: Engine,
    users: Mapping[str, str],
    guard: Guard,
    limits: Mapping[str, str] | None = None,
    reading: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Starlette:
    """Return an app that answers read-only queries on `engine`, for a port of its own.

    `users` are names and passwords. Every query goes through `guard`; `limits` are ClickHouse settings
    (`max_execution_time`, `max_result_rows`, …) of all of them. In the product these two are
    `sql_guard.guard` and `sql_guard.GUARD_SETTINGS`. Each query runs within a `reading()`, which may wait
    until the views are current and keeps them still. When it is served no more, call `app.state.close()`;
    the engine stays its owner's.
    """
    from trackstream_api.clickhouse_front.guarded_executor import GuardedExecutor

    return _app(GuardedExecutor(engine, guard, limits or {}, reading), users, _BODY_OF_A_READER)


def create_server_front(path: Path, users: Mapping[str, str]) -> Starlette:
    """Return an app that gives `users` a whole chDB engine in the directory `path`.

    When it is served no more, call `app.state.close()`, which closes the engine.
    """
    from trackstream_api.clickhouse_front.chdb_executor import ChdbExecutor

    return _app(ChdbExecutor(path), users, _BODY_OF_A_SERVER)


def _app(executor: Executor, users: Mapping[str, str], limit: int) -> Starlette:
    front = _Front(executor, users, limit)
    app = Starlette(
        routes=[
            Route("/ping", _ok, methods=["GET"]),
            Route("/replicas_status", _ok, methods=["GET"]),
            Route("/", front.answer, methods=["GET", "POST"]),
        ]
    )
    app.state.close = front.close
    return app


async def _ok(_request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


class _Front:
    def __init__(self, executor: Executor, users: Mapping[str, str], limit: int) -> None:
        self._executor = executor
        self._users = dict(users)
        self._limit = limit
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="clickhouse-front")

    def close(self) -> None:
        """Wait for the queries under way and close the engine."""
        self._threads.shutdown(cancel_futures=True)
        self._executor.close()

    async def answer(self, request: Request) -> Response:
        if request.method == "GET" and not request.query_params.get("query"):
            return PlainTextResponse("Ok.\n")
        try:
            user = authenticate(request, self._users)
            query = await read_query(request, self._limit)
            loop = asyncio.get_running_loop()
            answer, head, pieces = await loop.run_in_executor(self._threads, self._start, query, user)
        except TrackstreamError as error:
            return self._refusal(EngineError.from_trackstream(error))
        headers = self._headers(query, answer)
        if pieces is None:
            return Response(_encoded(head, headers, query), headers=headers)
        headers["X-ClickHouse-Exception-Tag"] = tag = secrets.token_hex(8)
        if query.encoding is not None:
            headers["Content-Encoding"] = query.encoding
        rest = _Rest(head, pieces, tag, self._executor.version, query.encoding)
        return StreamingResponse(self._streamed(rest), headers=headers)

    def _start(self, query: Query, user: str) -> tuple[Answer, bytes, Iterator[bytes] | None]:
        """Run `query` up to the first megabyte, so that most errors still get a status of their own.

        Returns the answer, its beginning, and the pieces behind that or None where there are none.
        """
        answer = self._executor.run(query, user)
        if query.in_blocks:
            answer = replace(answer, pieces=compressed(answer.pieces))
        held: list[bytes] = []
        size = 0
        for piece in answer.pieces:
            held.append(piece)
            size += len(piece)
            if size > _HELD_BACK:
                return answer, b"".join(held), answer.pieces
        return answer, b"".join(held), None

    async def _streamed(self, rest: _Rest) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        try:
            while (piece := await loop.run_in_executor(self._threads, rest.next)) is not None:
                if piece:
                    yield piece
        finally:
            # Not awaited: the client may have gone, and then this task is being cancelled.
            self._threads.submit(rest.close)

    def _headers(self, query: Query, answer: Answer) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Server-Display-Name": "trackstream",
            # Any text may be a query's id, but not what a header holds.
            "X-ClickHouse-Query-Id": quote(query.query_id, safe="!#$&'()*+,/:;=?@[]~"),
            "X-ClickHouse-Timezone": self._executor.timezone,
            "X-ClickHouse-Summary": json.dumps(dict(answer.summary)),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        if query.statement.gives_rows:
            headers["X-ClickHouse-Format"] = query.format
            headers["Content-Type"] = _CONTENT_TYPES.get(query.format, "application/octet-stream")
        return headers

    def _refusal(self, error: EngineError) -> Response:
        headers = {
            "X-ClickHouse-Exception-Code": str(error.code),
            "X-ClickHouse-Server-Display-Name": "trackstream",
        }
        if error.code == REQUIRED_PASSWORD:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        text = f"{error} (version {self._executor.version})\n"
        return PlainTextResponse(text, status_code=error.status, headers=headers)


def _encoded(body: bytes, headers: dict[str, str], query: Query) -> bytes:
    if query.encoding is None or len(body) < _WORTH_COMPRESSING:
        return body
    headers["Content-Encoding"] = query.encoding
    compressor = Compressor(query.encoding)
    return compressor.add(body) + compressor.end()


class _Rest:
    """What is still to be sent of an answer that has begun; `next` and `close` may race, not `next`s."""

    def __init__(
        self, head: bytes, pieces: Iterator[bytes], tag: str, version: str, encoding: str | None
    ) -> None:
        self._pieces = pieces
        self._tag = tag
        self._version = version
        self._lock = threading.Lock()
        self._compressor = Compressor(encoding) if encoding is not None else None
        self._head: bytes | None = head
        self._ended = False

    def next(self) -> bytes | None:
        """Return the next bytes of the body, perhaps none yet, or None at its end."""
        with self._lock:
            if self._ended:
                return None
            piece = self._piece()
            if self._compressor is None:
                return piece
            return self._compressor.end() if piece is None else self._compressor.add(piece)

    def _piece(self) -> bytes | None:
        if self._head is not None:
            head, self._head = self._head, None
            return head
        try:
            piece = next(self._pieces, None)
        except TrackstreamError as error:
            self._ended = True
            piece = self._told(EngineError.from_trackstream(error))
            return piece if self._compressor is None else self._compressor.add(piece)
        self._ended = piece is None
        return piece

    def _told(self, error: EngineError) -> bytes:
        """An error behind the status line, in the frame that the header's tag announces."""
        text = f"{error} (version {self._version})"
        foot = f"{len(text.encode())} {self._tag}\r\n__exception__\r\n"
        return f"\r\n__exception__\r\n{self._tag}\r\n{text}\n{foot}".encode()

    def close(self) -> None:
        """End the query, whether all of it was sent or not."""
        with self._lock:
            self._ended = True
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
