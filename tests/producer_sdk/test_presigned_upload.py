"""The SDK's direct upload: to a real MinIO, past lost parts, and through the server where it must."""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.minio_store import store_in
from tests.query_api.upload_server import serving
from trackstream import presigned_upload
from trackstream.errors import Conflict, Unavailable
from trackstream.presigned_upload import PresignedUpload
from trackstream_schemas.blobs import DirectoryBlobStore

if TYPE_CHECKING:
    from pathlib import Path

    from trackstream_api.native.minio import MinioAddress

PART = 5 << 20
CONTENT = os.urandom(2 * PART + 3)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Requests(httpx.HTTPTransport):
    """Counts what is sent, and loses the answers to the first `lost` requests of a method."""

    def __init__(self, method: str = "PUT", lost: int = 0) -> None:
        super().__init__()
        self.paths: list[str] = []
        self._method = method
        self._lost = lost

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(f"{request.method} {request.url.path}")
        answer = super().handle_request(request)
        if request.method == self._method and self._lost:
            self._lost -= 1
            answer.close()
            raise httpx.ReadError("the answer was lost", request=request)
        return answer


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presigned_upload, "_BACKOFF_S", 0.001)


@pytest.fixture
def server_requests() -> Requests:
    return Requests()


@pytest.mark.integration
@pytest.mark.parametrize("lost", [0, 1, 4])
def test_the_bytes_go_to_the_store_and_lost_parts_are_sent_again(
    minio_address: MinioAddress, server_requests: Requests, lost: int
) -> None:
    store = store_in(minio_address, part_size=PART)
    parts = Requests("PUT", lost)
    with serving(store) as url:
        blob = PresignedUpload(url, server_requests, parts).put(io.BytesIO(CONTENT))
    assert (blob.sha256, blob.size) == (SHA256, len(CONTENT))
    assert b"".join(store.open(SHA256)) == CONTENT
    assert len(parts.paths) == 3 + lost
    assert "POST /api/v1/blobs" not in server_requests.paths
    assert store.abort_stale(0) == 0


@pytest.mark.integration
def test_lost_answers_of_the_server_are_asked_for_again(minio_address: MinioAddress) -> None:
    store = store_in(minio_address, part_size=PART)
    with serving(store) as url:
        blob = PresignedUpload(url, Requests("POST", 3)).put(io.BytesIO(CONTENT))
    assert store.find(blob.sha256) is not None


@pytest.mark.integration
def test_a_file_is_taken_from_where_it_stands_and_sent_once(
    minio_address: MinioAddress, tmp_path: Path
) -> None:
    store = store_in(minio_address, part_size=PART)
    (tmp_path / "file").write_bytes(b"header" + CONTENT)
    with serving(store) as url, (tmp_path / "file").open("rb") as file:
        for expected in (3, 0):
            parts = Requests()
            file.seek(6)
            assert PresignedUpload(url, store_transport=parts).put(file).sha256 == SHA256
            assert len(parts.paths) == expected


@pytest.mark.integration
def test_a_store_out_of_reach_is_passed_by_and_let_be_for_a_while(
    minio_address: MinioAddress, server_requests: Requests
) -> None:
    store = store_in(minio_address, public_endpoint="http://127.0.0.1:1")
    with serving(store) as url:
        upload = PresignedUpload(url, server_requests)
        assert upload.put(io.BytesIO(CONTENT)).sha256 == SHA256
        assert b"".join(store.open(SHA256)) == CONTENT
        assert server_requests.paths[0] == "POST /api/v1/uploads"
        assert server_requests.paths[-1] == "POST /api/v1/blobs"
        assert any(path.startswith("DELETE /api/v1/uploads/") for path in server_requests.paths)
        server_requests.paths.clear()
        upload.put(io.BytesIO(b"another"))
        assert server_requests.paths == ["POST /api/v1/blobs"]
    assert store.abort_stale(0) == 0


@pytest.mark.integration
def test_a_store_that_refuses_the_address_is_passed_by(minio_address: MinioAddress) -> None:
    # Signed for another name of the same place, as behind a proxy that rewrites the host.
    class Renamed(Requests):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.headers["host"] = "elsewhere"
            return super().handle_request(request)

    parts = Renamed()
    store = store_in(minio_address, part_size=PART)
    with serving(store) as url:
        assert PresignedUpload(url, store_transport=parts).put(io.BytesIO(CONTENT)).sha256 == SHA256
    assert len(parts.paths) == 1


def test_a_server_without_an_object_store_takes_the_file_itself(
    tmp_path: Path, server_requests: Requests
) -> None:
    store = DirectoryBlobStore(tmp_path / "blobs")
    with serving(store) as url:
        upload = PresignedUpload(url, server_requests)
        for _ in range(2):
            assert upload.put(io.BytesIO(CONTENT)).sha256 == SHA256
    assert server_requests.paths == ["POST /api/v1/uploads", "POST /api/v1/blobs", "POST /api/v1/blobs"]
    assert b"".join(store.open(SHA256)) == CONTENT


def test_what_cannot_seek_goes_through_the_server(tmp_path: Path) -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with serving(DirectoryBlobStore(tmp_path / "blobs")) as url:
        assert PresignedUpload(url).put(Stream(CONTENT)).sha256 == SHA256


@pytest.mark.integration
def test_a_file_that_becomes_shorter_meanwhile_is_told(minio_address: MinioAddress) -> None:
    class Shrinks(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            if offset:
                self.truncate(PART)
            return super().seek(offset, whence)

    store = store_in(minio_address, part_size=PART)
    with serving(store) as url, pytest.raises(Conflict, match="shorter"):
        PresignedUpload(url).put(Shrinks(CONTENT))
    assert list(store.all()) == []
    assert store.abort_stale(0) == 0


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"POST http://127\.0\.0\.1:1/api/v1/uploads"):
        PresignedUpload("http://127.0.0.1:1").put(io.BytesIO(CONTENT))
