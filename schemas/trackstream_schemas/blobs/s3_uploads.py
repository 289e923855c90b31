"""Uploads in progress: where they are kept before a content has its name, and what a crash leaves of them.

Every multipart upload has a small object beside the contents, `incoming/<id>.begun`, which names it: MinIO
lists multipart uploads only to those who know their keys, so this is how `abort_stale` finds them. An upload
whose beginning was never answered has no note; it holds no bytes, and MinIO drops it after a day by itself
(other stores by a lifecycle rule, AbortIncompleteMultipartUpload).
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from trackstream_schemas.errors import StorageFailed, TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from trackstream_schemas.blobs.s3_bucket import S3Bucket

FOLDER = "incoming/"
_BEGUN = ".begun"


class OpenUpload(NamedTuple):
    """A multipart upload that has begun."""

    marker: str
    """Key of the small object."""
    key: str
    """Key that the upload is to have."""
    upload_id: str
    """S3's."""


def begin(bucket: S3Bucket, folder: str, name: str, key: str) -> OpenUpload:
    """Begin a multipart upload of `key`, noted in `folder` under `name`."""
    upload = OpenUpload(f"{folder}{name}{_BEGUN}", key, bucket.begin(key))
    note = json.dumps({"key": upload.key, "upload_id": upload.upload_id}).encode()
    bucket.put(upload.marker, note)
    return upload


def find(bucket: S3Bucket, folder: str, name: str) -> OpenUpload | None:
    """Return the upload noted under `name`, or None."""
    return _noted(bucket, f"{folder}{name}{_BEGUN}")


def forget(bucket: S3Bucket, upload: OpenUpload) -> None:
    """Drop an upload with all that was sent of it; harmless once it is completed."""
    bucket.abort(upload.key, upload.upload_id)
    bucket.remove(upload.marker)


def forget_stale(bucket: S3Bucket, folder: str, before: float) -> int:
    """Remove what uploads begun before a time (seconds since the epoch) left in `folder`.

    Returns the number of uploads and contents removed.
    """
    removed = 0
    for found in bucket.list(folder):
        if found.modified_at > before:
            continue
        if not found.key.endswith(_BEGUN):
            bucket.remove(found.key)
            removed += 1
        elif upload := _noted(bucket, found.key):
            forget(bucket, upload)
            removed += 1
    return removed


def send_parts(bucket: S3Bucket, upload: OpenUpload, parts: Iterator[memoryview], at_once: int) -> list[str]:
    """Send the parts and return their ETags. At most `at_once` + 1 parts are in memory."""
    etags: list[str] = []
    with ThreadPoolExecutor(at_once, "trackstream-part") as pool:
        under_way: deque[Future[str]] = deque()
        for number, part in enumerate(parts, 1):
            under_way.append(pool.submit(bucket.send_part, upload.key, upload.upload_id, number, part))
            del part  # else it would be held while the next one is read
            if len(under_way) == at_once:
                etags.append(under_way.popleft().result())
        etags += [future.result() for future in under_way]
    return etags


def _noted(bucket: S3Bucket, marker: str) -> OpenUpload | None:
    found = bucket.stat(marker)
    if found is None:
        return None
    note = b"".join(bucket.read(marker, 0, found.size))
    try:
        said = json.loads(note)
        return OpenUpload(marker, str(said["key"]), str(said["upload_id"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailed(f"{marker} in {bucket} is damaged; remove it: {error}") from error


@contextlib.contextmanager
def forgotten_on_failure(bucket: S3Bucket, upload: OpenUpload) -> Iterator[None]:
    """Drop the upload if what is done inside does not come to its end."""
    try:
        yield
    except BaseException:
        # What the store does not take now, `forget_stale` finds later.
        with contextlib.suppress(TrackstreamError):
            forget(bucket, upload)
        raise
