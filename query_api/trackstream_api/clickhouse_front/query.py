"""A request of the protocol, read into what an executor runs, and what the executor gives back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from starlette.datastructures import UploadFile

from trackstream_api.clickhouse_front import statement
from trackstream_api.clickhouse_front.block_compression import decompressed
from trackstream_api.clickhouse_front.compression import choose, decompress
from trackstream_api.clickhouse_front.errors import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    EngineError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

    from trackstream_api.clickhouse_front.statement import Statement

DEFAULT_FORMAT = "TabSeparated"

# Parameters of the URL that speak to the HTTP handler; every other one is a setting of the query.
_OF_THE_HANDLER = {
    "add_http_cors_header",
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "compress",
    "database",
    "decompress",
    "default_format",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "http_zlib_compression_level",
    "password",
    "query",
    "query_id",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_check",
    "session_id",
    "session_timeout",
    "stacktrace",
    "user",
    "wait_end_of_query",
}
_MAX_SESSION_SECONDS = 3600.0


@dataclass(frozen=True)
class Query:
    """What one request asks for."""

    statement: Statement
    data: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    database: str = ""
    format: str = DEFAULT_FORMAT
    query_id: str = ""
    session_id: str = ""
    session_seconds: float = 60.0
    session_must_exist: bool = False
    wait_for_the_end: bool = False
    only_reads: bool = False
    encoding: str | None = None
    in_blocks: bool = False
    """Whether the result is wanted in ClickHouse's own compressed blocks."""
    revision: int = 0
    """Of the native protocol, that the client says it speaks."""


@dataclass(frozen=True)
class Answer:
    """What a query gave: `pieces` of its result, or none where it gives no rows.

    The pieces may be computed while they are read; an error in them is an EngineError.
    """

    pieces: Iterator[bytes]
    summary: Mapping[str, str] = field(default_factory=dict)


class Guard(Protocol):
    """Decides what SQL of a user is run; `trackstream_api.sql_guard.guard` is one."""

    def __call__(self, sql: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Return the SQL to run for `sql`, which comes without its FORMAT clause; raises TrackstreamError
        with the reason for refusing it."""


class Executor(Protocol):
    """Runs the queries of a front; called from several threads at once."""

    version: str
    timezone: str

    def run(self, query: Query, user: str) -> Answer:
        """Run one query. Raises EngineError, or another TrackstreamError, for one that failed."""

    def close(self) -> None:
        """Give up what the executor holds."""


async def read_query(request: Request, limit: int) -> Query:
    """Return what `request` asks for; raises EngineError where it is malformed or over `limit` bytes."""
    url = request.query_params
    fields: dict[str, str] = {}
    body = b""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        fields = await _form_fields(request, limit)
    else:
        body = decompress(
            await _body(request, limit), request.headers.get("content-encoding", "").strip().lower(), limit
        )
        if _flag(url.get("decompress", "0")):
            body = decompressed(body, limit)
    parsed, data = _statement_and_data(url.get("query", ""), fields.pop("query", ""), body)
    given = {**dict(url), **fields}
    settings = {
        name: value for name, value in given.items() if name not in _OF_THE_HANDLER and name[:6] != "param_"
    }
    default_format = url.get("default_format") or request.headers.get("x-clickhouse-format")
    wants_compression = _flag(url.get("enable_http_compression", "0"))
    return Query(
        statement=parsed,
        data=data,
        parameters={name[6:]: value for name, value in given.items() if name[:6] == "param_"},
        settings=settings,
        database=url.get("database") or request.headers.get("x-clickhouse-database", ""),
        format=parsed.format or default_format or DEFAULT_FORMAT,
        query_id=url.get("query_id") or str(uuid.uuid4()),
        session_id=url.get("session_id", ""),
        session_seconds=_session_seconds(url.get("session_timeout", "60")),
        session_must_exist=url.get("session_check", "0") == "1",
        wait_for_the_end=url.get("wait_end_of_query", "0") == "1",
        only_reads=request.method in ("GET", "HEAD"),
        encoding=choose(request.headers.get("accept-encoding", "")) if wants_compression else None,
        in_blocks=_flag(url.get("compress", "0")),
        revision=_revision(url.get("client_protocol_version", "0")),
    )


def _statement_and_data(in_url: str, in_form: str, body: bytes) -> tuple[Statement, bytes]:
    """A server reads the query of the URL, a line break and the body as one text; so is it here."""
    asked = (in_url + in_form).encode()
    if not asked:
        parsed = statement.parse(body)
        return parsed, body[parsed.data_at :] if parsed.insert_into is not None else b""
    if not body:
        parsed = statement.parse(asked)
        return parsed, asked[parsed.data_at :] if parsed.insert_into is not None else b""
    parsed = statement.parse(asked)
    if parsed.insert_into is not None:
        return parsed, asked[parsed.data_at :] + body
    return statement.parse(asked + b"\n" + body), b""


def _flag(text: str) -> bool:
    return text in ("1", "true")


def _revision(text: str) -> int:
    if not text.isdecimal():
        raise EngineError(BAD_ARGUMENTS, f"client_protocol_version: got {text!r}, expected a number")
    return int(text)


async def _body(request: Request, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise EngineError(QUERY_IS_TOO_LARGE, f"The body has more than {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _form_fields(request: Request, limit: int) -> dict[str, str]:
    async with request.form(max_part_size=limit) as form:
        fields: dict[str, str] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise EngineError(NOT_IMPLEMENTED, f"External data ({name}) are not supported here")
            fields[name] = value
        return fields


def _session_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MAX_SESSION_SECONDS:
        raise EngineError(
            BAD_ARGUMENTS, f"session_timeout: got {text!r}, expected 0 to {_MAX_SESSION_SECONDS:g} seconds"
        )
    return seconds
