"""Where the large artifacts of a trainer that logs to Kafka go: the bucket that its environment names."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO

from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream_schemas.blobs import Blob
    from trackstream_schemas.blobs.minio import MinioBlobStore


class BucketFromEnvironment:
    """Opens the store of TRACKSTREAM_S3_… when it is first needed: who logs no large file needs none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._store: MinioBlobStore | None = None

    def put(self, content: BinaryIO) -> Blob:
        """Store all that `content` yields, in bounded memory.

        Raises InvalidInput where the environment names no bucket, and the store's own errors.
        """
        return self._opened().put(content)

    def _opened(self) -> MinioBlobStore:
        from trackstream_schemas.blobs.minio_settings import minio_from_environment

        with self._lock:
            if self._store is None:
                self._store = minio_from_environment()
            if self._store is None:
                raise InvalidInput(
                    "TRACKSTREAM_S3_ENDPOINT",
                    None,
                    "the address of the store for files too large for the log (with its other settings,"
                    " TRACKSTREAM_S3_…)",
                )
            return self._store
