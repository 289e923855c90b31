"""One bucket of an S3 store, in S3's own terms; whatever fails comes out as an error of ours.

Objects go through the minio client. Multipart uploads are driven over presigned addresses, which is also
how clients without credentials send their parts: the client library keeps its own multipart calls private.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit
from xml.etree import ElementTree

from trackstream_schemas.blobs.s3_errors import TRANSIENT_STATUSES, s3_errors
from trackstream_schemas.errors import InvalidInput, NotFound, StorageFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minio import Minio
    from urllib3 import BaseHTTPResponse, PoolManager


COPY_PIECE = 512 << 20
"""Bytes that one server-side copy request moves at most, so that it answers within the read timeout."""
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PIECE = 1 << 20
_CONNECT_S, _READ_S = 5.0, 60.0
_ATTEMPTS = 4
_BACKOFF_S = 0.2
_CONNECTIONS = 16
_OWN_EXPIRY = timedelta(minutes=15)


@dataclass(frozen=True)
class S3Address:
    """Where a bucket is and who asks."""

    endpoint: str
    """host or host:port."""
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    secure: bool = True
    """TLS."""
    region: str | None = None
    """None: the store is asked once."""
    check_certificate: bool = True
    public_endpoint: str | None = None
    """http[s]://host[:port] of the store as clients see it, for presigned addresses; None: the same."""

    def __str__(self) -> str:
        return f"bucket {self.bucket!r} at {'https' if self.secure else 'http'}://{self.endpoint}"


class S3Object(NamedTuple):
    """One object."""

    key: str
    size: int
    modified_at: float
    """Seconds since the epoch."""


class S3Bucket:
    """Thread-safe; a forked child connects anew. Requests are retried a few times, then raise.

    Methods raise NotFound for an absent key or upload, Unavailable and StorageFailed as in `s3_errors`.
    """

    def __init__(self, address: S3Address) -> None:
        self._address = address
        self._name = address.bucket
        self._place = str(address)
        self._lock = threading.Lock()
        self._pid = -1
        self._clients: tuple[Minio, Minio, PoolManager]
        self._connected()

    def __str__(self) -> str:
        return self._place

    def create(self) -> None:
        """Make the bucket where it does not exist."""
        from minio.error import S3Error

        client, _, _ = self._connected()
        with s3_errors(self._place, "create the bucket"):
            try:
                if not client.bucket_exists(self._name):
                    client.make_bucket(self._name, self._address.region)
            except S3Error as error:
                if error.code != "BucketAlreadyOwnedByYou":
                    raise

    def check(self) -> None:
        """Return where the bucket is there and lets us in; StorageFailed where it does not."""
        client, _, _ = self._connected()
        with s3_errors(self._place, "work"):
            there = client.bucket_exists(self._name)
        if not there:
            raise StorageFailed(f"there is no {self._place}; create it first")

    def stat(self, key: str) -> S3Object | None:
        """Return what is under a key, or None."""
        client, _, _ = self._connected()
        try:
            with s3_errors(self._place, f"look up {key}"):
                found = client.stat_object(self._name, key)
        except NotFound:
            return None
        return S3Object(key, found.size or 0, found.last_modified.timestamp() if found.last_modified else 0.0)

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `start`; goes on where a connection breaks off."""
        from urllib3.exceptions import HTTPError

        act = f"read {key}"
        position, end, failures = start, start + length, 0
        while position < end:
            with s3_errors(self._place, act):
                client, _, _ = self._connected()
                response = client.get_object(self._name, key, position, end - position)
                try:
                    for piece in response.stream(_PIECE):
                        position += len(piece)
                        failures = 0
                        yield piece
                except (HTTPError, OSError):
                    failures += 1
                    if failures >= _ATTEMPTS:
                        raise
                else:
                    if position < end:
                        raise Unavailable(f"cannot {act} in {self._place}: it ends after {position} bytes")
                finally:
                    response.close()
                    response.release_conn()
            if position < end:
                time.sleep(_BACKOFF_S * 2**failures)

    def put(self, key: str, data: bytes | memoryview, only_new: bool = False) -> bool:
        """Store an object whole. False, with nothing done, where `only_new` and the key is taken."""
        return self._unless_taken("PUT", key, {}, data, _md5(data), only_new)

    def copy(self, source: str, target: str, size: int) -> None:
        """Copy an object of `size` bytes within the store; onto itself it only renews its time."""
        from minio.commonconfig import REPLACE, ComposeSource, CopySource

        client, _, _ = self._connected()
        with s3_errors(self._place, f"copy {source} to {target}"):
            if size <= COPY_PIECE or source == target:
                # S3 refuses a copy onto itself that changes nothing.
                metadata: dict[str, str | list[str] | tuple[str]] = {"renewed": str(int(time.time()))}
                client.copy_object(
                    self._name,
                    target,
                    CopySource(self._name, source),
                    metadata=metadata if source == target else None,
                    metadata_directive=REPLACE if source == target else None,
                )
                return
            pieces = [
                ComposeSource(self._name, source, offset=start, length=min(COPY_PIECE, size - start))
                for start in _piece_starts(size)
            ]
            client.compose_object(self._name, target, pieces)

    def remove(self, key: str) -> None:
        """Remove an object; an absent one is no error."""
        client, _, _ = self._connected()
        with s3_errors(self._place, f"remove {key}"):
            client.remove_object(self._name, key)

    def list(self, prefix: str) -> Iterator[S3Object]:
        """Yield every object whose key begins with `prefix`."""
        client, _, _ = self._connected()
        with s3_errors(self._place, f"list {prefix or 'objects'}"):
            for found in client.list_objects(self._name, prefix, recursive=True):
                if found.object_name and not found.is_dir:
                    # Whole seconds, which is what `stat` gets.
                    modified = int(found.last_modified.timestamp()) if found.last_modified else 0
                    yield S3Object(found.object_name, found.size or 0, modified)

    def begin(self, key: str) -> str:
        """Begin a multipart upload and return its id."""
        with s3_errors(self._place, f"begin an upload of {key}"):
            answer = self._call("POST", key, {"uploads": ""})
            upload_id = ElementTree.fromstring(answer.data).findtext("{*}UploadId")
        if not upload_id:
            raise Unavailable(f"{self._place} did not name the upload that it began for {key}")
        return upload_id

    def send_part(self, key: str, upload_id: str, number: int, data: bytes | memoryview) -> str:
        """Send a part (numbers begin with 1) and return its ETag."""
        with s3_errors(self._place, f"send part {number} of {key}"):
            answer = self._call("PUT", key, _part(upload_id, number), data, _md5(data))
            return answer.headers.get("ETag", "").strip('"')

    def complete(self, key: str, upload_id: str, etags: Sequence[str], only_new: bool = False) -> bool:
        """Make the parts an object. False where `only_new` and the key is taken: it is still open then.

        Raises NotFound where there is no such upload and no object under the key either.
        """
        top = ElementTree.Element("CompleteMultipartUpload")
        for number, etag in enumerate(etags, 1):
            part = ElementTree.SubElement(top, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = f'"{etag}"'
        body = ElementTree.tostring(top)
        try:
            return self._unless_taken("POST", key, {"uploadId": upload_id}, body, _md5(body), only_new)
        except NotFound:
            # The answer to an earlier attempt may have been lost.
            if self.stat(key) is None:
                raise
            return True

    def abort(self, key: str, upload_id: str) -> None:
        """Drop a multipart upload; one that is not open is no error."""
        try:
            with s3_errors(self._place, f"abort an upload of {key}"):
                self._call("DELETE", key, {"uploadId": upload_id})
        except NotFound:
            pass

    def part_address(self, key: str, upload_id: str, number: int, expires: timedelta) -> str:
        """Return where anyone may PUT this one part until it expires."""
        _, public, _ = self._connected()
        with s3_errors(self._place, f"sign an address of {key}"):
            return public.get_presigned_url(
                "PUT", self._name, key, expires, extra_query_params={**_part(upload_id, number)}
            )

    def close(self) -> None:
        """Close the sockets; a later request opens new ones."""
        if self._pid != os.getpid():
            return
        http = self._clients[2]
        # `clear` alone leaves a pool's sockets open for as long as some answer refers to the pool.
        for key in http.pools.keys():  # noqa: SIM118 - it cannot be iterated by itself
            if pool := http.pools.get(key):
                pool.close()
        http.clear()

    def _unless_taken(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        body: bytes | memoryview,
        headers: dict[str, str],
        only_new: bool,
    ) -> bool:
        from minio.error import S3Error

        if only_new:
            headers = {**headers, "If-None-Match": "*"}
        with s3_errors(self._place, f"store {key}"):
            try:
                self._call(method, key, query, body, headers)
            except S3Error as error:
                if only_new and error.code == "PreconditionFailed":
                    return False
                raise
        return True

    def _call(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        body: bytes | memoryview | None = None,
        headers: dict[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Send a request that may be sent again, and return its good answer."""
        from urllib3.exceptions import HTTPError

        client, _, http = self._connected()
        for attempt in range(1, _ATTEMPTS + 1):
            url = client.get_presigned_url(method, self._name, key, _OWN_EXPIRY, extra_query_params={**query})
            last = attempt == _ATTEMPTS
            try:
                # No retries of urllib3's here: it would log the signed address.
                answer = http.request(method, url, cast("bytes", body), headers=headers, retries=False)
            except HTTPError:
                if last:
                    raise
            else:
                # S3 may find out that an assembly fails after it has said 200.
                if answer.status in (200, 204) and b"<Error>" not in answer.data[:1000]:
                    return answer
                if last or answer.status not in TRANSIENT_STATUSES:
                    raise _failure(answer)
            time.sleep(_BACKOFF_S * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _connected(self) -> tuple[Minio, Minio, PoolManager]:
        """Return the client, the one that signs for others, and the connections below them."""
        if self._pid != os.getpid():
            # A thread of the parent may hold it for ever.
            self._lock = threading.Lock()
        with self._lock:
            if self._pid != os.getpid():
                self._clients = _connect(self._address)
                self._pid = os.getpid()
            return self._clients


def _connect(address: S3Address) -> tuple[Minio, Minio, PoolManager]:
    if not _BUCKET_NAME.fullmatch(address.bucket):
        raise InvalidInput("bucket", address.bucket, "3 to 63 of a-z, 0-9, '.' and '-'")
    if not address.endpoint:
        raise InvalidInput("endpoint", address.endpoint, "host or host:port")
    try:
        from minio import Minio
    except ImportError as error:
        what = "the package minio: pip install 'trackstream[s3]'"
        raise InvalidInput("blob store", str(address), what) from error
    import urllib3

    http = urllib3.PoolManager(
        maxsize=_CONNECTIONS,
        timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
        cert_reqs="CERT_REQUIRED" if address.check_certificate else "CERT_NONE",
        ca_certs=os.environ.get("SSL_CERT_FILE") or None,
        retries=urllib3.Retry(
            total=_ATTEMPTS - 1,
            backoff_factor=_BACKOFF_S,
            status_forcelist=TRANSIENT_STATUSES,
            raise_on_status=False,
        ),
    )
    who = address.access_key, address.secret_key
    place, secure = address.endpoint, address.secure
    try:
        own = Minio(place, *who, secure=secure, region=address.region, http_client=http)
        if address.public_endpoint is None:
            return own, own, http
        parts = urlsplit(address.public_endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
            right = "http[s]://host[:port], as clients see the store"
            raise InvalidInput("public_endpoint", address.public_endpoint, right)
        # Signing for an address that this process may not reach must not ask it for the region.
        region = address.region or "us-east-1"
        public = Minio(parts.netloc, *who, secure=parts.scheme == "https", region=region, http_client=http)
    except ValueError as error:
        raise InvalidInput("endpoint", place, f"host or host:port ({error})") from error
    return own, public, http


def _failure(answer: BaseHTTPResponse) -> Exception:
    from minio.error import S3Error, ServerError

    if b"<Error>" in answer.data[:1000]:
        return S3Error.fromxml(answer)
    return ServerError(f"HTTP status {answer.status}", answer.status)


def _piece_starts(size: int) -> range:
    """Where the pieces of a copy begin; S3 wants none but the last below 5 MiB, and COPY_PIECE is above."""
    return range(0, size, COPY_PIECE)


def _part(upload_id: str, number: int) -> dict[str, str]:
    return {"partNumber": str(number), "uploadId": upload_id}


def _md5(data: bytes | memoryview) -> dict[str, str]:
    """The header by which the store refuses what was damaged on its way."""
    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return {"Content-MD5": base64.b64encode(digest).decode()}
