"""Stores in buckets of their own on the tests' MinIO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_schemas.blobs import MinioBlobStore
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from trackstream_api.native.minio import MinioAddress


def new_bucket_name() -> str:
    """Return the name of a bucket that nobody has."""
    return f"test-{new_id()}"


def store_in(address: MinioAddress, bucket: str | None = None, **options: Any) -> MinioBlobStore:
    """Return a store in `bucket`, or in one of its own, which is made."""
    name = bucket or new_bucket_name()
    store = MinioBlobStore(
        address.endpoint, name, address.access_key, address.secret_key, secure=False, **options
    )
    store.create_bucket()
    return store
