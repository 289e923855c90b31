"""Contents on their way to the destination: small ones as chunks on the log, large ones to the blob store."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from trackstream.artifacts import content_type_of
from trackstream_api.transfer.identity import Dated, digest_of, producer_of, stamped
from trackstream_schemas import validate
from trackstream_schemas.events import ArtifactChunk, ArtifactLogged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from trackstream.artifacts import BlobUpload
    from trackstream_api.transfer.appending import Appender

CHUNK_BYTES = 512 << 10
INLINE_LIMIT = 8 << 20
"""Contents up to so many bytes travel on the log, as with the SDK."""


def send_file(
    appender: Appender,
    blobs: Callable[[], BlobUpload],
    owner: str,
    path: str,
    local: Path,
    logged_at: int,
) -> int:
    """Log a local file as the artifact `path` of a run, logged model or trace; returns its size in bytes.

    Raises InvalidInput for a path that no artifact may have, OSError where the file cannot be read, and
    the log's and the blob store's errors.
    """
    path = validate.artifact_path(path)
    with local.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        size = content.tell()
        content.seek(0)
        upload_id = None
        if size <= INLINE_LIMIT:
            upload_id = f"i{digest_of(owner, path, sha256)[:40]}"
            chunks = (Dated(logged_at, chunk) for chunk in _chunks(content, upload_id, size, sha256))
            appender.add(stamped(producer_of("chunks", upload_id), chunks))
        else:
            blobs().put(content)
    logged = ArtifactLogged(owner, path, size, sha256, content_type_of(path), upload_id)
    appender.add(stamped(producer_of("file", owner, path, sha256), [Dated(logged_at, logged)]))
    return size


def _chunks(content: BinaryIO, upload_id: str, size: int, sha256: str) -> Iterator[ArtifactChunk]:
    offset = 0
    while True:
        piece = content.read(CHUNK_BYTES)
        if not piece and offset:
            return
        yield ArtifactChunk(upload_id, offset, size, sha256, piece)
        offset += len(piece)
        if offset >= size:
            return
