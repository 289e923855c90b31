"""Blobs in MinIO, or any other S3 store: `ab/abcdef…`, visible only once whole.

A content whose digest is known beforehand (a file, or what fits into one part) is sent straight under its
name; the digest is checked before its last request makes it visible. Any other stream is sent in parts to
`incoming/`, hashed on its way, and copied within the store. What is there already is not sent again; its
time is renewed, so that garbage collection sees that someone is about to name it.

Contents that clients send to signed addresses (`PresignedUploads`) are read once by this process before they
get their name. S3 offers nothing cheaper that would do: its SHA-256 of a multipart object is a digest of
digests. Without that read, anyone could leave other bytes under a digest that an honest client announces
next, who would then be told that the store has them. The read is from the store, in bounded memory; the
client's bytes do not pass through the API.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import stat
import time
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

from trackstream_schemas import validate
from trackstream_schemas.blobs import s3_uploads
from trackstream_schemas.blobs.port import Blob, BlobCorrupt
from trackstream_schemas.blobs.presigned import SentPart, UploadTicket
from trackstream_schemas.blobs.s3_bucket import S3Address, S3Bucket
from trackstream_schemas.errors import Conflict, InvalidInput, NotFound, StorageFailed
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MIB = 1 << 20
_PIECE = _MIB
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}-([0-9]{1,13})-([0-9a-f]{64})")
_LARGEST = 5 << 40
_MOST_ADDRESSES = 1000
_GROWS_AFTER, _GROWS_TIMES = 1000, 2
_RENEW_AFTER_S = 900
_ADDRESS_LIFE = timedelta(hours=12)

DEFAULT_PART_SIZE = 16 * _MIB


class MinioBlobStore:
    """A `BlobStore` and `PresignedUploads` in one bucket. Any number of processes may use it at once.

    `endpoint` is host:port; `prefix` lets several stores share a bucket; `public_endpoint` is the store's
    address as clients see it (http[s]://host[:port]), where that is another one. Memory of one `put`:
    (`parallel_parts` + 1) parts; a content of more than 1000 parts has larger ones from there on.
    Constructing it makes no request.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        access_key: str,
        secret_key: str,
        secure: bool = True,
        prefix: str = "",
        region: str | None = None,
        check_certificate: bool = True,
        public_endpoint: str | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        parallel_parts: int = 3,
    ) -> None:
        if not 5 * _MIB <= part_size <= 1024 * _MIB:
            raise InvalidInput("part_size", part_size, "5 MiB (S3's least) to 1 GiB, in bytes")
        self._bucket = S3Bucket(
            S3Address(
                endpoint, bucket, access_key, secret_key, secure, region, check_certificate, public_endpoint
            )
        )
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._incoming = self._prefix + s3_uploads.FOLDER
        self._part_size = part_size
        self._parallel = parallel_parts
        self._name = re.compile(re.escape(self._prefix) + r"[0-9a-f]{2}/([0-9a-f]{64})")

    def create_bucket(self) -> None:
        """Make the bucket where it does not exist."""
        self._bucket.create()

    def check(self) -> None:
        self._bucket.check()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._bucket.close()

    def put(self, content: BinaryIO, sha256: str | None = None) -> Blob:
        """Store all that `content` yields. `sha256` is its digest, where the caller has it already.

        Raises Conflict where the content has another digest: it was changed meanwhile.
        """
        size = None
        if sha256 is None:
            sha256, size = _look_ahead(content)
        if sha256 is not None and (stored := self._renewed(sha256, size)):
            return stored
        first = _read_part(content, self._part_size)
        if len(first) < self._part_size:
            digest = _expected(hashlib.sha256(first).hexdigest(), sha256)
            return self._renewed(digest, len(first)) or self._put_small(digest, first)
        if sha256 is None:
            return self._put_stream(first, content)
        return self._put_known(sha256, first, content)

    def find(self, sha256: str) -> Blob | None:
        found = self._bucket.stat(self._key(sha256))
        return None if found is None else Blob(sha256, found.size, found.modified_at)

    def open(self, sha256: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        found = self.find(sha256)
        if found is None:
            raise NotFound(f"no artifact content with sha256 {sha256} in {self._bucket}")
        rest = max(found.size - start, 0)
        if start or length is not None:
            return self._bucket.read(self._key(sha256), start, rest if length is None else min(rest, length))
        return self._checked(found)

    def delete(self, sha256: str) -> None:
        self._bucket.remove(self._key(sha256))

    def all(self) -> Iterator[Blob]:
        for found in self._bucket.list(self._prefix):
            if name := self._name.fullmatch(found.key):
                yield Blob(name[1], found.size, found.modified_at)

    def abort_stale(self, older_than: float) -> int:
        return s3_uploads.forget_stale(self._bucket, self._incoming, time.time() - older_than)

    def begin_upload(self, sha256: str, size: int) -> Blob | UploadTicket:
        """See `PresignedUploads`; the bytes of a part are such that a ticket has at most 1000 addresses."""
        self._key(sha256)
        if not 0 <= size <= _LARGEST:
            raise InvalidInput("size", size, f"0 to {_LARGEST} bytes, which is what S3 takes")
        if stored := self._renewed(sha256, size):
            return stored
        name = f"{new_id()}-{size}-{sha256}"
        upload = s3_uploads.begin(self._bucket, self._incoming, name, self._incoming + name)
        urls = [
            self._bucket.part_address(upload.key, upload.upload_id, number, _ADDRESS_LIFE)
            for number in range(1, self._ticket_parts(size) + 1)
        ]
        return UploadTicket(name, self._ticket_part_size(size), urls)

    def complete_upload(self, upload_id: str, parts: Sequence[SentPart]) -> Blob:
        size, sha256 = _announced(upload_id)
        etags = _etags(parts, self._ticket_parts(size))
        key = self._incoming + upload_id
        try:
            upload = s3_uploads.find(self._bucket, self._incoming, upload_id)
            if upload is not None:
                self._bucket.complete(key, upload.upload_id, etags)
            self._verify(key, size, sha256)
            stored = self._publish(key, sha256, size)
            if upload is not None:
                s3_uploads.forget(self._bucket, upload)
            return stored
        except NotFound as error:
            # An earlier call may have finished, or a call at the same time be faster.
            if found := self._renewed(sha256, size):
                return found
            raise NotFound(f"no upload {upload_id} in {self._bucket}: begin another one") from error
        except InvalidInput:
            self.abort_upload(upload_id)
            raise

    def abort_upload(self, upload_id: str) -> None:
        _announced(upload_id)
        if upload := s3_uploads.find(self._bucket, self._incoming, upload_id):
            s3_uploads.forget(self._bucket, upload)
        self._bucket.remove(self._incoming + upload_id)

    def _put_small(self, sha256: str, data: memoryview) -> Blob:
        key = self._key(sha256)
        if not self._bucket.put(key, data, only_new=True) and self._size(key) != len(data):
            self._bucket.put(key, data)
        return self._stored(sha256, len(data))

    def _put_known(self, sha256: str, first: memoryview, rest: BinaryIO) -> Blob:
        """Send a content under its name; nobody sees it before its digest is checked."""
        key = self._key(sha256)
        upload = s3_uploads.begin(self._bucket, self._incoming, new_id(), key)
        parts = _Parts(first, rest, self._part_size)
        del first
        with s3_uploads.forgotten_on_failure(self._bucket, upload):
            etags = s3_uploads.send_parts(self._bucket, upload, iter(parts), self._parallel)
            _expected(parts.digest.hexdigest(), sha256)
            taken = not self._bucket.complete(key, upload.upload_id, etags, only_new=True)
            if taken and self._size(key) != parts.size:
                self._bucket.complete(key, upload.upload_id, etags)
            stored = self._stored(sha256, parts.size)
        s3_uploads.forget(self._bucket, upload)
        return stored

    def _put_stream(self, first: memoryview, rest: BinaryIO) -> Blob:
        name = new_id()
        key = self._incoming + name
        upload = s3_uploads.begin(self._bucket, self._incoming, name, key)
        parts = _Parts(first, rest, self._part_size)
        del first
        with s3_uploads.forgotten_on_failure(self._bucket, upload):
            etags = s3_uploads.send_parts(self._bucket, upload, iter(parts), self._parallel)
            self._bucket.complete(key, upload.upload_id, etags)
            stored = self._publish(key, parts.digest.hexdigest(), parts.size)
        s3_uploads.forget(self._bucket, upload)
        return stored

    def _publish(self, key: str, sha256: str, size: int) -> Blob:
        """Give a whole and verified object of `incoming/` its name."""
        stored = self._renewed(sha256, size)
        if stored is None:
            self._bucket.copy(key, self._key(sha256), size)
            stored = self._stored(sha256, size)
        self._bucket.remove(key)
        return stored

    def _verify(self, key: str, size: int, sha256: str) -> None:
        stored = self._size(key)
        if stored is None:
            raise NotFound(f"no {key} in {self._bucket}")
        if stored != size:
            raise InvalidInput("size", stored, f"the {size} bytes that were announced")
        digest = hashlib.sha256()
        for piece in self._bucket.read(key, 0, size):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise InvalidInput("sha256", digest.hexdigest(), f"the digest that was announced, {sha256}")

    def _renewed(self, sha256: str, size: int | None = None) -> Blob | None:
        """Return what is stored, its time renewed if it is old; None where it is absent or its size wrong."""
        found = self.find(sha256)
        if found is None or (size is not None and found.size != size):
            return None
        if time.time() - found.stored_at < _RENEW_AFTER_S:
            return found
        try:
            self._bucket.copy(self._key(sha256), self._key(sha256), found.size)
        except NotFound:
            return None
        return self.find(sha256)

    def _stored(self, sha256: str, size: int) -> Blob:
        found = self.find(sha256)
        if found is None or found.size != size:
            have = "nothing" if found is None else f"{found.size} bytes"
            raise StorageFailed(f"{self._bucket} has {have} of {sha256} after {size} bytes were stored")
        return found

    def _checked(self, blob: Blob) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in self._bucket.read(self._key(blob.sha256), 0, blob.size):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != blob.sha256:
            text = f"artifact content {blob.sha256} now has the digest {digest.hexdigest()}"
            raise BlobCorrupt(f"{text} in {self._bucket}")

    def _size(self, key: str) -> int | None:
        found = self._bucket.stat(key)
        return None if found is None else found.size

    def _key(self, sha256: str) -> str:
        # A digest becomes a key: nothing but a digest may.
        validate.sha256(sha256)
        return f"{self._prefix}{sha256[:2]}/{sha256}"

    def _ticket_part_size(self, size: int) -> int:
        return max(self._part_size, math.ceil(size / _MOST_ADDRESSES / _MIB) * _MIB)

    def _ticket_parts(self, size: int) -> int:
        return max(1, math.ceil(size / self._ticket_part_size(size)))


class _Parts:
    """Cuts a stream, of which the first part is read already, and hashes it on its way."""

    def __init__(self, first: memoryview, rest: BinaryIO, part_size: int) -> None:
        self._first: memoryview | None = first
        self._rest = rest
        self._part_size = part_size
        self.digest = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[memoryview]:
        part, self._first = self._first, None
        number = 1
        while part:
            self.digest.update(part)
            self.size += len(part)
            yield part
            del part
            number += 1
            doublings = min((number - 1) // _GROWS_AFTER, _GROWS_TIMES)
            part = _read_part(self._rest, self._part_size << doublings)


def _read_part(content: BinaryIO, size: int) -> memoryview:
    """Read `size` bytes, fewer only at the end; one allocation."""
    buffer = bytearray(size)
    filled = 0
    while filled < size and (piece := content.read(min(_PIECE, size - filled))):
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return memoryview(buffer)[:filled]


def _look_ahead(content: BinaryIO) -> tuple[str | None, int | None]:
    """Return digest and size of what a file on the disk still has to yield; None for any other stream.

    Asking `seekable()` would not do: objects that merely look like files promise it too easily.
    """
    try:
        if not stat.S_ISREG(os.fstat(content.fileno()).st_mode):
            return None, None
        start = content.tell()
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None, None
    digest = hashlib.sha256()
    size = 0
    while piece := content.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    content.seek(start)
    return digest.hexdigest(), size


def _expected(digest: str, expected: str | None) -> str:
    if expected is not None and digest != expected:
        raise Conflict(f"the content has the digest {digest}, not {expected}: it was changed meanwhile")
    return digest


def _announced(upload_id: str) -> tuple[int, str]:
    """Return the size and digest that an upload was begun with."""
    match = _UPLOAD_ID.fullmatch(upload_id)
    if match is None:
        raise InvalidInput("upload_id", upload_id, "the upload_id of a begun upload")
    return int(match[1]), match[2]


def _etags(parts: Sequence[SentPart], count: int) -> list[str]:
    in_order = sorted(parts)
    if [part.number for part in in_order] != list(range(1, count + 1)):
        numbers = [part.number for part in in_order]
        raise InvalidInput("parts", numbers, f"each part from 1 to {count} once")
    return [part.etag.strip('"') for part in in_order]
