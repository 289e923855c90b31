"""Every failure of an S3 store, as it is told and as it happens."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import pytest
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError, SSLError

from tests.minio_store import new_bucket_name, store_in
from trackstream_schemas.blobs import MinioBlobStore, s3_bucket
from trackstream_schemas.blobs.s3_errors import s3_errors
from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed, TrackstreamError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.native.minio import MinioAddress

ABSENT = "0" * 64
SIGNED = "/bucket/key?X-Amz-Signature=5ec2e7"


def said_by_s3(code: str, status: int = 400) -> S3Error:
    return S3Error(HTTPResponse(status=status), code, "a message", "/key", "request", "host")


def given_up(reason: Exception) -> MaxRetryError:
    return MaxRetryError(HTTPConnectionPool("host"), SIGNED, reason)


CASES = [
    (said_by_s3("NoSuchKey", 404), NotFound, "NoSuchKey"),
    (said_by_s3("NoSuchUpload", 404), NotFound, "NoSuchUpload"),
    (said_by_s3("InvalidPart"), InvalidInput, "parts"),
    (said_by_s3("InvalidPartOrder"), InvalidInput, "parts"),
    (said_by_s3("EntityTooSmall"), InvalidInput, "parts"),
    (said_by_s3("NoSuchBucket", 404), StorageFailed, "create it"),
    (said_by_s3("RequestTimeTooSkewed", 403), StorageFailed, "clock"),
    *[
        (said_by_s3(code, 403), StorageFailed, f"refuses the credentials .{code}")
        for code in (
            "AccessDenied",
            "AccountProblem",
            "AllAccessDisabled",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "SignatureDoesNotMatch",
        )
    ],
    *[
        (said_by_s3(code, 507), StorageFailed, f"full .{code}")
        for code in ("XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "AnythingElse")
    ],
    *[
        (said_by_s3(code), Unavailable, code)
        for code in (
            "BadDigest",
            "ConditionalRequestConflict",
            "IncompleteBody",
            "InternalError",
            "OperationAborted",
            "RequestTimeout",
            "ServiceUnavailable",
            "SlowDown",
            "SlowDownRead",
            "SlowDownWrite",
            "TooManyRequests",
            "XMinioServerNotInitialized",
        )
    ],
    (said_by_s3("SomethingNew", 503), Unavailable, "SomethingNew"),
    (said_by_s3("SomethingNew", 400), StorageFailed, "SomethingNew"),
    (ServerError("HTTP status 502", 502), Unavailable, "502"),
    (InvalidResponseError(200, "text/html", "<html>"), Unavailable, "not the answer of an S3 store"),
    (ReadTimeoutError(HTTPConnectionPool("host"), SIGNED, "Read timed out."), Unavailable, "timed out"),
    (ProtocolError("Connection broken"), Unavailable, "broken"),
    (given_up(ProtocolError("Connection broken")), Unavailable, "broken"),
    (SSLError(ssl.SSLError("self-signed certificate")), StorageFailed, "certificate"),
    (given_up(SSLError(ssl.SSLError("self-signed certificate"))), StorageFailed, "certificate"),
    (MaxRetryError(HTTPConnectionPool("host"), SIGNED), Unavailable, "no answer"),
    (ConnectionResetError("reset by peer"), Unavailable, "reset by peer"),
    (ValueError("no ETag in the answer"), Unavailable, "ETag"),
    (ParseError("not well-formed"), Unavailable, "well-formed"),
]


@pytest.mark.parametrize(("raised", "kind", "told"), CASES, ids=lambda case: str(case)[:60])
def test_every_failure_is_one_of_ours_and_names_the_place(
    raised: Exception, kind: type[TrackstreamError], told: str
) -> None:
    with pytest.raises(TrackstreamError, match=told) as caught, s3_errors("bucket 'b' at host", "store key"):
        raise raised
    assert type(caught.value) is kind
    if kind is not InvalidInput:
        assert "store key in bucket 'b' at host" in str(caught.value)
    assert "X-Amz-Signature" not in str(caught.value)


def test_errors_of_ours_pass() -> None:
    with pytest.raises(InvalidInput, match="sha256"), s3_errors("place", "act"):
        raise InvalidInput("sha256", "x", "a digest")


@pytest.mark.parametrize("bucket", ["b", "with space", "UPPER", "a/b", "x" * 64])
def test_a_bucket_that_no_store_can_have_is_named(bucket: str) -> None:
    with pytest.raises(InvalidInput, match="bucket"):
        MinioBlobStore("127.0.0.1:9000", bucket, "a", "b")


@pytest.mark.parametrize("endpoint", ["http://host", "host/path", "", "host:port"])
def test_an_endpoint_that_is_none_is_named(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="endpoint"):
        MinioBlobStore(endpoint, "bucket", "a", "b")


@pytest.mark.parametrize("public", ["host:9000", "ftp://host", "http://host/path"])
def test_a_public_endpoint_that_is_none_is_named(public: str) -> None:
    with pytest.raises(InvalidInput, match="public_endpoint"):
        MinioBlobStore("host:9000", "bucket", "a", "b", public_endpoint=public)


def acts(store: MinioBlobStore) -> Iterator[object]:
    """Everything that a store does, each of it a call."""
    import io

    yield lambda: store.put(io.BytesIO(b"weights"))
    yield lambda: store.find(ABSENT)
    yield lambda: list(store.open(ABSENT))
    yield lambda: store.delete(ABSENT)
    yield lambda: list(store.all())
    yield lambda: store.abort_stale(0)
    yield lambda: store.begin_upload(ABSENT, 5)
    yield lambda: store.create_bucket()


def test_a_store_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_bucket, "_BACKOFF_S", 0.001)
    store = MinioBlobStore("127.0.0.1:1", "bucket", "somebody", "a-secret", secure=False)
    for act in acts(store):
        with pytest.raises(Unavailable, match=r"bucket 'bucket' at http://127.0.0.1:1.*refused") as caught:
            act()  # type: ignore[operator]
        assert "a-secret" not in str(caught.value)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(400)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>a console</html>")

    do_PUT = do_POST = do_DELETE = do_GET

    def do_HEAD(self) -> None:
        self.send_response(400)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_server_that_is_no_store_is_told() -> None:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        store = MinioBlobStore(f"127.0.0.1:{server.server_port}", "bucket", "a", "b", secure=False)
        for act in acts(store):
            with pytest.raises(Unavailable, match=r"bucket 'bucket' at http://127\.0\.0\.1"):
                act()  # type: ignore[operator]
        store.close()
        server.shutdown()
        thread.join()


@pytest.mark.integration
class TestOnMinio:
    """What a real store says."""

    def test_a_wrong_secret_is_refused(self, minio_address: MinioAddress) -> None:
        store = MinioBlobStore(
            minio_address.endpoint, "bucket", minio_address.access_key, "wrong-secret", secure=False
        )
        for act in acts(store):
            with pytest.raises(StorageFailed, match="refuses the credentials") as caught:
                act()  # type: ignore[operator]
            assert "wrong-secret" not in str(caught.value)

    def test_a_missing_bucket_is_told(self, minio_address: MinioAddress) -> None:
        name = new_bucket_name()
        store = MinioBlobStore(
            minio_address.endpoint, name, minio_address.access_key, minio_address.secret_key, secure=False
        )
        for act in list(acts(store))[:-1]:
            with pytest.raises(StorageFailed, match=f"{name}.*create it first"):
                act()  # type: ignore[operator]

    def test_tls_to_a_store_without_it_is_told(self, minio_address: MinioAddress) -> None:
        store = MinioBlobStore(
            minio_address.endpoint, "bucket", minio_address.access_key, minio_address.secret_key
        )
        with pytest.raises(StorageFailed, match="TLS"):
            store.find(ABSENT)

    def test_a_damaged_note_of_an_upload_is_named(self, minio_address: MinioAddress) -> None:
        store = store_in(minio_address)
        store._bucket.put("incoming/x.begun", b"{")
        with pytest.raises(StorageFailed, match=r"incoming/x\.begun"):
            store.abort_stale(0)
