"""One JSON shape for every error, whatever route it comes from."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.query_api.live_server import LiveServer

NO_REFUSAL = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/version"),
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/replay"),
    ("GET", "/api/v1/verify"),
    ("GET", "/api/v1/stream"),
    ("GET", "/api/v1/sql/views"),
    ("GET", "/api/v1/storage"),
    ("GET", "/api/3.0/mlflow/server-info"),
}
"""Routes that take nothing that could be wrong."""
NO_REFUSAL_OF_VALUES = {
    ("POST", "/api/v1/blobs"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/{path}"),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/{path}"),
    # As MLflow's server does, these ignore what they do not know.
    ("GET", "/api/2.0/mlflow/experiments/search"),
    ("GET", "/api/2.0/mlflow/registered-models/search"),
    ("GET", "/api/2.0/mlflow/model-versions/search"),
}


def assert_error_shape(answer: Any, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert {"error_code", "message"} <= set(body) <= {"error_code", "message", "field", "position"}
    assert re.fullmatch(r"[A-Z_]+", body["error_code"])
    assert body["message"]
    assert "Traceback" not in answer.text


def routes(server: LiveServer) -> Iterator[tuple[str, str]]:
    for path, methods in server.call("GET", "/openapi.json")["paths"].items():
        for method in methods:
            yield method.upper(), path


def test_every_route_refuses_in_this_shape(server: LiveServer) -> None:
    seen = set()
    for method, path in routes(server):
        seen.add((method, path))
        if (method, path) in NO_REFUSAL | NO_REFUSAL_OF_VALUES:
            continue
        bad = re.sub(r"\{\w+\}", "%20", path)
        options = {"content": b"\x00not what it takes"} if method in ("POST", "PUT", "PATCH") else {}
        query = "?limit=-1&path=..&consistency=no"
        # A store in a directory has no direct uploads, whatever is asked of them.
        statuses = (400, 501) if path.startswith("/api/v1/uploads") else (400,)
        # To MLflow any text is an id, perhaps of nothing.
        statuses = (400, 404) if "/mlflow" in path else statuses
        assert_error_shape(server.client.request(method, bad + query, **options), *statuses)
    assert seen > NO_REFUSAL | NO_REFUSAL_OF_VALUES
    assert len(seen) >= 28


def test_every_route_refuses_other_methods_in_this_shape(server: LiveServer) -> None:
    for _, path in routes(server):
        answer = server.client.request("TRACE", re.sub(r"\{\w+\}", "x", path))
        assert_error_shape(answer, 405)
        assert "allow" in answer.headers


def test_every_route_documents_its_errors(server: LiveServer) -> None:
    document = server.call("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            for status in ("400", "404", "503", "507"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema["$ref"].endswith("/ErrorBody"), where


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/v1/nothing", "/api/v1/runs/", "/%2e%2e/etc/passwd", "/api/v2/runs/x", "/x%00y"],
)
def test_unknown_routes(server: LiveServer, path: str) -> None:
    answer = server.client.get(path)
    assert_error_shape(answer, 404, 405)
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b'{"name": 1}', b"\xff", b'{"name": "a", "b": 1}']
)
def test_bodies_that_are_not_what_was_asked_for(server: LiveServer, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = server.client.post("/api/v1/experiments", content=content, headers=headers)
    assert_error_shape(answer, 400)
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_body_that_is_too_large(server: LiveServer) -> None:
    announced = server.client.post("/api/v1/experiments", content=b" " * (17 << 20))
    assert_error_shape(announced, 413)
    streamed = server.client.post("/api/v1/experiments", content=iter([b" " * (1 << 20)] * 17))
    assert_error_shape(streamed, 413)
    for answer in (announced, streamed):
        assert "at most 16777216 bytes" in answer.json()["message"]
    server.call("GET", "/health")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:80", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:5000", 200),
        ("[::1]:5000", 200),
        ("evil.example", 400),
        ("evil.example:5000", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
    ],
)
def test_a_page_of_another_site_gets_nothing(server: LiveServer, host: str, status: int) -> None:
    address = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.putrequest("GET", "/health", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == status
        assert b"error_code" in answer.read() or status == 200
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/blobs", "/api/v1/replay", "/api/v1/experiments"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://evil.example:5000", "sec-fetch-site": "same-origin"},
        {"origin": "null"},
        {"origin": "localhost"},
        {"origin": "http://[::1"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:5000", "sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
def test_a_page_of_another_site_writes_nothing(
    server: LiveServer, path: str, headers: dict[str, str]
) -> None:
    headers = {"content-type": "text/plain", **headers}
    answer = server.client.post(path, content=b'{"name": "forged"}', headers=headers)
    assert_error_shape(answer, 403)
    assert answer.json()["error_code"] == "PERMISSION_DENIED"
    assert "pages of other sites may not write" in answer.json()["message"]
    names = [found["name"] for found in server.call("GET", "/api/v1/experiments")["experiments"]]
    assert "forged" not in names
    assert server.call("GET", "/api/v1/replay")["state"] == "idle"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:5000", "sec-fetch-site": "same-origin"},
        {"origin": "https://LOCALHOST"},
        {"origin": "http://[::1]:5000"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_our_own_pages_and_programs_may_write(server: LiveServer, headers: dict[str, str]) -> None:
    answer = server.client.post("/api/v1/blobs", content=b"x", headers=headers)
    assert answer.status_code == 201


def test_another_site_may_not_delete_either(server: LiveServer) -> None:
    experiment_id = server.new_experiment()
    path = f"/api/v1/experiments/{experiment_id}"
    headers = {"origin": "http://evil.example"}
    for method in ("DELETE", "PATCH", "PUT"):
        assert_error_shape(server.client.request(method, path, headers=headers), 403)
    assert server.call("GET", path)["lifecycle_stage"] == "active"


def test_no_other_site_may_read_answers(server: LiveServer) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    for method in ("GET", "OPTIONS"):
        answer = server.client.request(method, "/api/v1/status", headers=headers)
        assert not any(name.startswith("access-control") for name in answer.headers)
