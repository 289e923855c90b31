"""Artifacts over HTTP: both ways of upload, ranges, safe headers, and no way out of a run."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.query_api.live_server import LiveServer

SMALL = b"a few bytes"
LARGE = os.urandom(9 << 20)


def content_path(run_id: str) -> str:
    return f"/api/v1/runs/{run_id}/artifacts/content"


@pytest.mark.parametrize(
    "content", [b"", SMALL, LARGE[: 3 << 20], LARGE], ids=["empty", "small", "chunks", "large"]
)
def test_what_goes_up_comes_down(server: LiveServer, content: bytes) -> None:
    run_id = server.new_run()
    path = "models/best model ü.bin"
    digest = hashlib.sha256(content).hexdigest()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    stored = server.call("PUT", content_path(run_id), 201, params={"path": path}, content=pieces())
    assert stored == {"path": path, "size": len(content), "sha256": digest}
    answer = server.client.get(content_path(run_id), params={"path": path})
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["etag"] == f'"{digest}"'
    assert answer.headers["content-length"] == str(len(content))
    head = server.client.head(content_path(run_id), params={"path": path})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(content)))


def test_the_last_upload_to_a_path_wins(server: LiveServer) -> None:
    run_id = server.new_run()
    for content in (b"first", b"second"):
        server.call("PUT", content_path(run_id), 201, params={"path": "a.txt"}, content=content)
    assert server.client.get(content_path(run_id), params={"path": "a.txt"}).content == b"second"


def test_levels_of_the_tree(server: LiveServer) -> None:
    run_id = server.new_run()
    for path in ("top.txt", "plots/a.png", "plots/deep/b.png", "plots2/c.png", "ü/é.txt"):
        headers = {"content-type": "image/png"} if path.endswith("png") else {}
        server.call("PUT", content_path(run_id), 201, params={"path": path}, content=SMALL, headers=headers)
    listing = f"/api/v1/runs/{run_id}/artifacts"
    top = server.call("GET", listing)["artifacts"]
    assert [(item["path"], item["is_dir"]) for item in top] == [
        ("plots", True),
        ("plots2", True),
        ("top.txt", False),
        ("ü", True),
    ]
    assert top[0] | {"path": "", "is_dir": True} == {
        "path": "",
        "is_dir": True,
        "size": None,
        "sha256": None,
        "content_type": None,
        "logged_at": None,
    }
    below = server.call("GET", listing, params={"path": "plots"})["artifacts"]
    assert [item["path"] for item in below] == ["plots/a.png", "plots/deep"]
    assert below[0]["size"] == len(SMALL)
    assert below[0]["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert below[0]["content_type"] == "image/png"
    assert below[0]["logged_at"] > 0
    below = server.call("GET", listing, params={"path": "ü/"})["artifacts"]
    assert [item["path"] for item in below] == ["ü/é.txt"]
    assert server.call("GET", listing, params={"path": "none"})["artifacts"] == []


def test_files_of_several_runs(server: LiveServer) -> None:
    one, other = sorted(server.new_run() for _ in range(2))
    for run_id, path, kind in [
        (one, "plots/a.png", "image/png"),
        (other, "plots/a.png", "image/png"),
        (one, "plots/b.txt", "text/plain"),
        (one, "plots2/c.jpg", "image/jpeg"),
    ]:
        headers = {"content-type": kind}
        server.call("PUT", content_path(run_id), 201, params={"path": path}, content=SMALL, headers=headers)

    def found(**asked: Any) -> list[tuple[str, str]]:
        body = {"run_ids": [other, one, new_id()], **asked}
        files = server.call("POST", "/api/v1/artifacts/search", json=body)["artifacts"]
        return [(file["path"], file["run_id"]) for file in files]

    both = [("plots/a.png", one), ("plots/a.png", other)]
    assert found() == [*both, ("plots/b.txt", one), ("plots2/c.jpg", one)]
    assert found(path="plots") == [*both, ("plots/b.txt", one)]
    assert found(content_types=["image/"]) == [*both, ("plots2/c.jpg", one)]
    assert found(content_types=["image/jpeg", "text/"]) == [("plots/b.txt", one), ("plots2/c.jpg", one)]
    assert found(content_types=[]) == []
    body = {"run_ids": [one], "limit": 2}
    answer = server.call("POST", "/api/v1/artifacts/search", json=body)
    assert (len(answer["artifacts"]), answer["more"]) == (2, True)
    assert not server.call("POST", "/api/v1/artifacts/search", json={**body, "limit": 3})["more"]
    for wrong, field in (({"run_ids": ["../x"]}, "run_ids"), ({**body, "path": "../x"}, "path")):
        assert server.call("POST", "/api/v1/artifacts/search", 400, json=wrong)["field"] == field


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-4", 206, 0, 5),
        ("bytes=1000000-1500000", 206, 1_000_000, 1_500_001),
        ("bytes=-7", 206, len(LARGE) - 7, len(LARGE)),
        ("bytes=5-2", 200, 0, len(LARGE)),
        (f"bytes={len(LARGE)}-", 416, 0, 0),
    ],
)
def test_ranges(server: LiveServer, header: str, status: int, start: int, end: int) -> None:
    run_id = new_id()
    blob = server.call("POST", "/api/v1/blobs", 201, content=LARGE)
    logged = e.ArtifactLogged(run_id, "large.bin", blob["size"], blob["sha256"])
    server.new_run(further=[logged], run_id=run_id)
    answer = server.client.get(content_path(run_id), params={"path": "large.bin"}, headers={"range": header})
    assert answer.status_code == status
    assert answer.content == LARGE[start:end]
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(LARGE)}"
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(LARGE)}"


def test_conditional_requests(server: LiveServer) -> None:
    run_id = server.new_run()
    stored = server.call("PUT", content_path(run_id), 201, params={"path": "a"}, content=SMALL)
    etag = f'"{stored["sha256"]}"'
    query = {"path": "a"}
    same = server.client.get(content_path(run_id), params=query, headers={"if-none-match": etag})
    assert (same.status_code, same.content) == (304, b"")
    changed = {"range": "bytes=0-1", "if-range": '"another"'}
    assert server.client.get(content_path(run_id), params=query, headers=changed).content == SMALL


@pytest.mark.parametrize(
    ("logged", "answered"),
    [
        ("image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
        ("nonsense\r\nx-evil: 1", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_no_browser_runs_an_artifact(server: LiveServer, logged: str | None, answered: str) -> None:
    run_id = new_id()
    blob = server.call("POST", "/api/v1/blobs", 201, content=SMALL)
    name = 'a";\x41 ü.html'
    event = e.ArtifactLogged(run_id, f"dir/{name}", blob["size"], blob["sha256"], logged)
    server.new_run(further=[event], run_id=run_id)
    answer = server.client.get(content_path(run_id), params={"path": f"dir/{name}"})
    assert answer.content == SMALL
    assert answer.headers["content-type"].replace(" ", "") == answered.replace(" ", "")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a%22%3BA%20%C3%BC.html"
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    ("name", "logged", "answered"),
    [
        ("a.html", "text/html", "text/html"),
        ("a.svg", "image/svg+xml", "image/svg+xml"),
        ("a.png", None, "image/png"),
        ("a.html", None, "text/html"),
        ("a.mp4", "video/mp4", "video/mp4"),
        ("a.js", "text/javascript", None),
        ("a.js", None, None),
        ("a.css", "text/css", None),
        ("a.xml", "text/xml", None),
        ("a.xhtml", "application/xhtml+xml", None),
        ("a.pdf", None, None),
        ("a.html", "text/html\r\nx-evil: 1", None),
        ("a.html", "text/htmlx", None),
    ],
)
def test_what_is_shown_is_in_a_sandbox(
    server: LiveServer, name: str, logged: str | None, answered: str | None
) -> None:
    run_id = new_id()
    blob = server.call("POST", "/api/v1/blobs", 201, content=SMALL)
    server.new_run(
        further=[e.ArtifactLogged(run_id, name, blob["size"], blob["sha256"], logged)], run_id=run_id
    )
    answer = server.client.get(content_path(run_id), params={"path": name, "inline": "true"})
    assert answer.content == SMALL
    kind = answer.headers["content-type"].split(";")[0]
    assert kind == (answered or ("text/css" if logged == "text/css" else "application/octet-stream"))
    disposition = "inline" if answered else "attachment"
    assert answer.headers["content-disposition"] == f"{disposition}; filename*=UTF-8''{name}"
    policy = answer.headers["content-security-policy"]
    assert "sandbox;" in policy
    assert "default-src 'none'" in policy
    assert "allow" not in policy
    assert "script" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in answer.headers


def test_a_content_as_of_an_earlier_moment(server: LiveServer) -> None:
    run_id = server.new_run()
    for content in (b"first", b"second"):
        server.call("PUT", content_path(run_id), 201, params={"path": "a.txt"}, content=content)
    logged = server.call("GET", f"/api/v1/history/runs/{run_id}")["entries"][-2]
    assert logged["type"] == "ArtifactLogged"
    then = {"path": "a.txt", "as_of": logged["position"]}
    assert server.client.get(content_path(run_id), params=then).content == b"first"
    server.call("DELETE", f"/api/v1/runs/{run_id}/artifacts", params={"path": "a.txt"})
    assert server.client.get(content_path(run_id), params=then).content == b"first"
    server.call("GET", content_path(run_id), 404, params={"path": "a.txt"})


OUTSIDE = [
    "..",
    "../x",
    "a/../../x",
    "/etc/passwd",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "%252e%252e/x",
    "a\x00b",
    "a%00b",
    "..\\x",
    "C:\\x",
    "a//b",
    "./a",
    "a\nb",
    "x" * 1001,
    "",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_a_run(server: LiveServer, path: str) -> None:
    run_id = server.new_run()
    for method, route in [
        ("PUT", content_path(run_id)),
        ("GET", content_path(run_id)),
        ("DELETE", f"/api/v1/runs/{run_id}/artifacts"),
        ("GET", f"/api/v1/runs/{run_id}/artifacts"),
    ]:
        if path == "" and route.endswith("artifacts") and method == "GET":
            continue
        refused = server.call(method, route, 400, params={"path": path})
        assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
        assert refused["field"] == "path"
    assert server.call("GET", f"/api/v1/runs/{run_id}/artifacts")["artifacts"] == []


@pytest.mark.parametrize("path", ["%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5cx", "%00", "%252e%252e%252fx"])
def test_no_spelling_in_the_address_leads_out_of_a_run(server: LiveServer, path: str) -> None:
    run_id = server.new_run()
    refused = server.call("GET", f"{content_path(run_id)}?path={path}", 400)
    assert refused["field"] == "path"


def test_a_deleted_artifact(server: LiveServer) -> None:
    run_id = server.new_run()
    server.call("PUT", content_path(run_id), 201, params={"path": "a"}, content=SMALL)
    route = f"/api/v1/runs/{run_id}/artifacts"
    assert server.call("DELETE", route, params={"path": "a"})["path"] == "a"
    assert server.call("GET", route)["artifacts"] == []
    server.call("GET", content_path(run_id), 404, params={"path": "a"})
    server.call("DELETE", route, 404, params={"path": "a"})


def test_a_deleted_run_takes_no_artifacts(server: LiveServer) -> None:
    run_id = server.new_run()
    server.call("DELETE", f"/api/v1/runs/{run_id}")
    refused = server.call("PUT", content_path(run_id), 400, params={"path": "a"}, content=SMALL)
    assert refused["error_code"] == "INVALID_STATE"


def test_a_content_that_is_still_on_its_way(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run(further=[e.ArtifactLogged(run_id, "late", 5, "ab" * 32)], run_id=run_id)
    server.call("GET", f"/api/v1/runs/{run_id}/artifacts")
    asked = {"path": "late", "consistency": "eventual"}
    answer = server.client.get(content_path(run_id), params=asked)
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert int(answer.headers["retry-after"]) > 0


def test_a_content_that_will_never_come(server: LiveServer) -> None:
    run_id = new_id()
    server.new_run(further=[e.ArtifactLogged(run_id, "lost", 5, "ab" * 32)], run_id=run_id)
    answer = server.call("GET", content_path(run_id), 507, params={"path": "lost"})
    assert "missing" in answer["message"]


def test_a_damaged_content_is_never_a_whole_answer(server: LiveServer) -> None:
    run_id = server.new_run()
    content = os.urandom(3 << 20)
    stored = server.call("PUT", content_path(run_id), 201, params={"path": "a"}, content=content)
    assert server.client.get(content_path(run_id), params={"path": "a"}).content == content
    digest = stored["sha256"]
    file = server.directory / "blobs" / digest[:2] / digest
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    import httpx

    with pytest.raises(httpx.RemoteProtocolError):
        server.client.get(content_path(run_id), params={"path": "a"})
