"""An HTTP server that plays a published API, and notes every request that the API would not allow."""

from __future__ import annotations

import json
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.published_api import Operation, PublishedApi


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is as published."""

    operation: Operation
    values: Mapping[str, str]
    query: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, or bytes as they come."""

    status: int
    body: Any = None
    stream: Iterator[bytes] | None = None
    content_type: str = "application/json"


@dataclass(slots=True)
class ApiStub:
    """Answers on a port of its own while a `with` lasts. A subclass adds what it does to `routes`."""

    api: PublishedApi
    routes: dict[tuple[str, str], Callable[[Asked], Reply]] = field(default_factory=dict)
    """By method and path, as the document writes it."""
    violations: list[str] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    cut_logs: int = 0
    """How many of the next logs that are followed break off after their first piece."""
    _server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.server_address[1]}"

    def asked(self, method: str, template: str) -> list[Asked]:
        """Return the requests of one kind."""
        return [
            one
            for one in self.requests
            if (one.operation.method, one.operation.template) == (method, template)
        ]

    def refusal(self, status: int, message: str) -> Reply:
        """Return an error as this API has it."""
        return Reply(status, {"message": message})

    def answer(self, method: str, target: str, headers: Mapping[str, str], data: bytes) -> Reply:
        """Check a request, do what it asks for, and check the answer."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        found = self.api.find(method, unquote(parts.path))
        if found is None:
            return self._violated(f"{method} {target}: not published")
        operation, values = found
        is_json = headers.get("Content-Type", "").partition(";")[0].endswith("json")
        body = json.loads(data) if data and is_json else data or None
        wrong = self.api.wrong_with_request(operation, query, headers, body)
        if wrong:
            return self._violated(f"{method} {operation.template}: {'; '.join(wrong)}")
        asked = Asked(operation, values, {name: texts[0] for name, texts in query.items()}, body)
        self.requests.append(asked)
        play = self.routes.get((method, operation.template))
        if play is None:
            return self._violated(f"{method} {operation.template}: not played here")
        reply = play(asked)
        wrong = self.api.wrong_with_answer(operation, reply.status, reply.body)
        if wrong:
            return self._violated(f"our own answer to {method} {operation.template}: {'; '.join(wrong)}")
        return reply

    def _violated(self, text: str) -> Reply:
        self.violations.append(text)
        return self.refusal(400, text)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stub: ApiStub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        # Clients hang up when they have seen enough.
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        return

    def _do(self) -> None:
        assert isinstance(self.server, _Server)
        data = self._read()
        try:
            reply = self.server.stub.answer(self.command, self.path, self.headers, data)  # type: ignore[arg-type]
        except Exception:
            self.server.stub.violations.append(traceback.format_exc())
            raise
        if reply.stream is not None:
            return self._send_stream(reply)
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _do

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send_stream(self, reply: Reply) -> None:
        assert reply.stream is not None
        assert isinstance(self.server, _Server)
        stub = self.server.stub
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in reply.stream:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if stub.cut_logs and reply.content_type != "application/json":
                stub.cut_logs -= 1
                raise ConnectionAbortedError
        self.wfile.write(b"0\r\n\r\n")
