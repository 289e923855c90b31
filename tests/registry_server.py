"""A small HTTP server with the answers that Confluent's Schema Registry documents."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class RegistryServer:
    """Listens on a free port until `close`; ids count from 1."""

    def __init__(self, user_info: str | None = None) -> None:
        self.schemas: list[str] = []
        self.subjects: dict[str, set[int]] = {}
        self.requests: list[str] = []
        self.refuse: tuple[int, int, str] | None = None
        """Status, error code and message of every further answer."""
        registry = self
        expected = None if user_info is None else "Basic " + base64.b64encode(user_info.encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self._reply(lambda parts: registry._register(parts, body))

            def do_GET(self) -> None:
                self._reply(registry._find)

            def _reply(self, act: Any) -> None:
                registry.requests.append(f"{self.command} {self.path}")
                if self.headers["authorization"] != expected:
                    status, answer = 401, {"error_code": 40101, "message": "Unauthorized"}
                elif registry.refuse is not None:
                    status, code, message = registry.refuse
                    answer = {"error_code": code, "message": message}
                else:
                    status, answer = act([unquote(part) for part in self.path.strip("/").split("/")])
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", _CONTENT_TYPE)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _register(self, parts: list[str], body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        match parts:
            case ["subjects", subject, "versions"]:
                # The registry tells schemas apart by their canonical text.
                text = json.dumps(json.loads(body["schema"]))
                if text not in self.schemas:
                    self.schemas.append(text)
                number = self.schemas.index(text) + 1
                self.subjects.setdefault(subject, set()).add(number)
                return 200, {"id": number}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _find(self, parts: list[str]) -> tuple[int, dict[str, Any]]:
        match parts:
            case ["schemas", "ids", number] if 0 < int(number) <= len(self.schemas):
                return 200, {"schema": self.schemas[int(number) - 1]}
            case ["schemas", "ids", _]:
                return 404, {"error_code": 40403, "message": "Schema not found"}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
