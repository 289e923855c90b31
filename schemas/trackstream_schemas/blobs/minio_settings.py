"""Settings of the S3 blob store: environment variables with the prefix TRACKSTREAM_S3_."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trackstream_schemas.blobs.minio import DEFAULT_PART_SIZE, MinioBlobStore
from trackstream_schemas.errors import InvalidInput

_PREFIX = "TRACKSTREAM_S3_"


class S3Settings(BaseSettings):
    """Which bucket holds the contents; each field can be set by TRACKSTREAM_S3_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    endpoint: str = Field(pattern=r"^https?://[^/?#@]+/?$")
    """http[s]://host[:port] of the store."""
    bucket: str = Field("trackstream", min_length=3)
    """The bucket; it must exist (`MinioBlobStore.create_bucket` makes it)."""
    prefix: str = ""
    """Folder within the bucket."""
    access_key: SecretStr
    """The user's name at the store."""
    secret_key: SecretStr
    """The user's password at the store."""
    check_certificate: bool = True
    """Refuse a store whose certificate cannot be verified (the authorities are the system's, or those in
    the file that SSL_CERT_FILE names)."""
    region: str | None = None
    """The bucket's region; the store is asked where not set."""
    public_endpoint: str | None = None
    """http[s]://host[:port] of the store as clients see it, where that differs from `endpoint`."""
    part_size: int = Field(DEFAULT_PART_SIZE, ge=5 << 20, le=1 << 30)
    """Bytes of a part of a large upload."""
    parallel_parts: int = Field(3, ge=1, le=16)
    """Parts sent at once; one upload holds one more in memory."""


def open_minio(settings: S3Settings) -> MinioBlobStore:
    """Return the store that the settings describe; makes no request."""
    where = urlsplit(settings.endpoint)
    return MinioBlobStore(
        where.netloc,
        settings.bucket,
        settings.access_key.get_secret_value(),
        settings.secret_key.get_secret_value(),
        where.scheme == "https",
        settings.prefix,
        settings.region,
        settings.check_certificate,
        settings.public_endpoint,
        settings.part_size,
        settings.parallel_parts,
    )


def minio_from_environment() -> MinioBlobStore | None:
    """Return the store that the environment describes, or None where TRACKSTREAM_S3_ENDPOINT is not set.

    Raises InvalidInput, which names the variable, where what is set cannot be right.
    """
    if not os.environ.get(f"{_PREFIX}ENDPOINT"):
        return None
    try:
        settings = S3Settings()  # type: ignore[call-arg]  # they come from the environment
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        # The input of a missing field is all the others, secrets among them.
        shown = None if first["type"] == "missing" or name.endswith("_key") else first["input"]
        raise InvalidInput(f"{_PREFIX}{name.upper()}", shown, first["msg"]) from None
    return open_minio(settings)
