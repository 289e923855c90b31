"""Uploads through the API: small contents travel on the log, large ones go to the blob store first.

Memory is bounded by the limit below which a content is small, times the uploads at once.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, BinaryIO, cast

from trackstream.artifacts import content_type_of
from trackstream.settings import Settings
from trackstream_api.models.artifacts import StoredArtifact
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from trackstream_api.request_body import RequestBody
    from trackstream_api.store import Store
    from trackstream_schemas.blobs import Blob

_MIME = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)


def store_artifact(store: Store, run_id: str, path: str, kind: str, body: RequestBody) -> StoredArtifact:
    """Store the content as the run's file at `path`, which must be valid, and return what it became.

    `kind` is the Content-Type of the request; where it says nothing, the path's ending does.
    """
    settings = Settings()
    head = body.read(settings.artifact_inline_limit + 1) or b""
    says_something = _MIME.fullmatch(kind) and kind != "application/octet-stream"
    content_type = kind if says_something else content_type_of(path)
    if len(head) <= settings.artifact_inline_limit:
        digest = hashlib.sha256(head).hexdigest()
        upload_id = new_id()
        size = settings.artifact_chunk_bytes
        pieces = [head[start : start + size] for start in range(0, len(head), size)] or [b""]
        chunks = [
            e.ArtifactChunk(upload_id, number * size, len(head), digest, piece)
            for number, piece in enumerate(pieces)
        ]
        logged = e.ArtifactLogged(run_id, path, len(head), digest, content_type, upload_id)
    else:
        blob = store.blobs.put(_Rejoined(head, body))
        chunks = []
        logged = e.ArtifactLogged(run_id, path, blob.size, blob.sha256, content_type)
    store.producer.emit_and_wait([*chunks, logged])
    return StoredArtifact(path=path, size=logged.size, sha256=logged.sha256)


def store_content(store: Store, body: RequestBody) -> Blob:
    """Put the content into the blob store."""
    return store.blobs.put(cast("BinaryIO", body))


class _Rejoined(io.BytesIO):
    """What was read already, then the rest."""

    def __init__(self, head: bytes, rest: RequestBody) -> None:
        super().__init__(head)
        self._rest = rest

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self._rest.read(-1 if size is None else size) or b""
