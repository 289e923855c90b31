"""MinIO as a process of the native stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from trackstream_api.native import process
from trackstream_api.native.errors import ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trackstream_api.native.process import ProcessId

BUCKET = "trackstream"


@dataclass(frozen=True)
class MinioAddress:
    """Where MinIO is reached, `endpoint` being host:port without TLS, and the owner's credentials."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = BUCKET


def start(binary: Path, directory: Path, port: int, user: str, password: str) -> ProcessId:
    """Start the server on `directory`/objects."""
    objects = directory / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    environment = {
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CALLHOME_ENABLE": "off",
    }
    command = [str(binary), "server", str(objects), "--address", f"127.0.0.1:{port}", "--quiet"]
    return process.spawn(command, directory / "output.log", environment, directory)


def health(port: int) -> Callable[[], bool]:
    """Return a check that the server takes requests."""
    return http_health(f"http://127.0.0.1:{port}/minio/health/ready")


def make_bucket(address: MinioAddress) -> None:
    """Make the bucket where it is not there; raises ToolMissing without the client library."""
    try:
        from minio import Minio
    except ImportError as error:
        raise ToolMissing("minio (pip install 'trackstream[s3]')", "MinIO") from error
    client = Minio(
        address.endpoint, access_key=address.access_key, secret_key=address.secret_key, secure=False
    )
    if not client.bucket_exists(address.bucket):
        client.make_bucket(address.bucket)


def http_health(url: str) -> Callable[[], bool]:
    """Return a check that `url` answers 200."""

    def healthy() -> bool:
        try:
            return httpx.get(url, timeout=3, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    return healthy
