"""POST /api/v1/uploads and what follows, over HTTP."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.minio_store import store_in
from tests.query_api.upload_server import serving
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress

CONTENT = b"weights"
ANNOUNCED = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}


@pytest.fixture(scope="module")
def client(minio_address: MinioAddress) -> Iterator[httpx.Client]:
    with serving(store_in(minio_address)) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_directory_takes_none(tmp_path: Path) -> None:
    with serving(DirectoryBlobStore(tmp_path)) as url, httpx.Client(base_url=url) as client:
        for answer in (
            client.post("/api/v1/uploads", json=ANNOUNCED),
            client.post("/api/v1/uploads/x/complete", json={"parts": []}),
            client.delete("/api/v1/uploads/x"),
        ):
            assert answer.status_code == 501
            assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
            assert "/api/v1/blobs" in answer.json()["message"]


@pytest.mark.integration
def test_begin_send_complete(client: httpx.Client) -> None:
    begun = client.post("/api/v1/uploads", json=ANNOUNCED)
    assert begun.status_code == 201
    ticket = begun.json()
    assert ticket["exists"] is False
    etag = httpx.put(ticket["urls"][0], content=CONTENT).headers["etag"]
    path = f"/api/v1/uploads/{ticket['upload_id']}/complete"
    done = client.post(path, json={"parts": [{"number": 1, "etag": etag}]})
    assert (done.status_code, done.json()) == (200, ANNOUNCED)
    again = client.post("/api/v1/uploads", json=ANNOUNCED)
    assert (again.status_code, again.json()["exists"]) == (200, True)


@pytest.mark.integration
def test_an_upload_can_be_dropped(client: httpx.Client) -> None:
    other = {"sha256": hashlib.sha256(b"other").hexdigest(), "size": 5}
    upload_id = client.post("/api/v1/uploads", json=other).json()["upload_id"]
    for _ in range(2):
        assert client.delete(f"/api/v1/uploads/{upload_id}").status_code == 204
    missing = client.post(
        f"/api/v1/uploads/{upload_id}/complete", json={"parts": [{"number": 1, "etag": "x"}]}
    )
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sha256": "x", "size": 1}, "sha256"),
        ({"sha256": ANNOUNCED["sha256"], "size": -1}, "size"),
        ({"sha256": ANNOUNCED["sha256"]}, "size"),
        ({**ANNOUNCED, "colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(client: httpx.Client, body: dict[str, object], field: str) -> None:
    answer = client.post("/api/v1/uploads", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
