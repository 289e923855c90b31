"""The blob store: artifact contents under their SHA-256. One port (`BlobStore`), an adapter a module.

It lives with the contract because both the SDK (claim-check uploads) and the consumers (artifact sink)
need it, and neither may import the other.
"""

from trackstream_schemas.blobs.directory import DirectoryBlobStore
from trackstream_schemas.blobs.minio import MinioBlobStore
from trackstream_schemas.blobs.port import Blob, BlobCorrupt, BlobStore

__all__ = ["Blob", "BlobCorrupt", "BlobStore", "DirectoryBlobStore", "MinioBlobStore"]
