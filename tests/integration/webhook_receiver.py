"""A real receiver of webhooks, which checks signatures as receivers do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "a-secret-for-the-tests-alone"
PATIENCE_S = 120.0


class Receiver:
    """Keeps what is posted to it, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.refused = 0
        self.taken: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.got(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def got(self, path: str, headers: dict[str, str], body: bytes) -> int:
        sent = {name.lower(): value for name, value in headers.items()}
        signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
        assert sent["webhook-signature"] == sent["x-mlflow-signature"] == f"v1,{expected}"
        with self.changed:
            if self.status == 204:
                self.taken.append({**json.loads(body), "path": path, "webhook-id": sent["webhook-id"]})
            else:
                self.refused += 1
            self.changed.notify_all()
            return self.status

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), (self.taken, self.refused)

    def events(self, path: str = "/all") -> list[str]:
        return [item["type"] for item in self.taken if item["path"] == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
