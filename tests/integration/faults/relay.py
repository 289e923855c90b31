"""A relay in front of ClickHouse that can lose the answer of an insert that was applied."""

from __future__ import annotations

import http.client
import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_ANSWER_S = 120


class LossyRelay:
    """Passes requests on to the ClickHouse at `url` until `close`.

    `lose(share)` lets that share of all INSERTs be applied, waits for ClickHouse's whole answer, and then
    cuts the connection without passing it on; `lost` counts by table what was lost like that.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._share = 0.0
        self._dice = random.Random(1)
        self._turn = threading.Lock()
        self.lost: dict[str, int] = {}
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                relay._pass_on(self)

            do_POST = do_GET

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="relay", daemon=True).start()

    @property
    def url(self) -> str:
        """Its address, with the user and password of ClickHouse's."""
        credentials = self._target.netloc.rpartition("@")[0]
        return f"http://{credentials}@127.0.0.1:{self._server.server_address[1]}"

    def lose(self, share: float) -> None:
        """Lose the answers of this share of the inserts from now on, 0 to 1."""
        self._share = share

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _pass_on(self, request: BaseHTTPRequestHandler) -> None:
        body = b"".join(_body(request))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        upstream = http.client.HTTPConnection(
            self._target.hostname or "", self._target.port or 0, timeout=_ANSWER_S
        )
        request.close_connection = True
        try:
            upstream.request(request.command, request.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        except OSError:
            # ClickHouse is away: so is whoever stands in front of it.
            _cut(request.connection)
            return
        finally:
            upstream.close()
        table = _inserted_into(request.path, body)
        if table is not None and answer.status == 200 and self._loses():
            with self._turn:
                self.lost[table] = self.lost.get(table, 0) + 1
            _cut(request.connection)
            return
        try:
            request.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content)
        except OSError:
            return  # the client was killed meanwhile
        request.close_connection = False

    def _loses(self) -> bool:
        with self._turn:
            return self._dice.random() < self._share


def _body(request: BaseHTTPRequestHandler) -> Iterator[bytes]:
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        yield request.rfile.read(int(request.headers.get("Content-Length") or 0))
        return
    while size := int(request.rfile.readline().split(b";")[0], 16):
        yield request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()


def _inserted_into(path: str, body: bytes) -> str | None:
    query = parse_qs(urlsplit(path).query).get("query", [""])[0] or body[:200].decode(errors="replace")
    words = query.split(maxsplit=3)
    if len(words) < 3 or [word.upper() for word in words[:2]] != ["INSERT", "INTO"]:
        return None
    return words[2].partition("(")[0].rpartition(".")[2].strip('`"')


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
