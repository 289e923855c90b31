"""Settings of the distributed composition: where its processes find the log and the analytical store."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trackstream_consumers.engine import DATABASE
from trackstream_schemas.errors import InvalidInput, StorageFailed, Unavailable
from trackstream_schemas.kafka_connection import SCHEME, is_kafka

if TYPE_CHECKING:
    from trackstream_schemas.blobs import BlobStore, MinioBlobStore

logger = logging.getLogger(__name__)

_PREFIX = "TRACKSTREAM_"
_URL = "http(s)://user:password@host:8123, and a database behind a slash if it is not `trackstream`"


class StackSettings(BaseSettings):
    """Each field can be set by TRACKSTREAM_<NAME>.

    The blob store has settings of its own, TRACKSTREAM_S3_… (`blobs/minio_settings.py`), and the Kafka
    client takes all of librdkafka's as TRACKSTREAM_KAFKA_… (`kafka_connection.py`).
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    kafka: str = Field(min_length=1)
    """The log: `host:9092[,host:9092…]`, or kafka://… with options."""
    clickhouse: SecretStr
    """The analytical store: http(s)://user:password@host:8123[/database]."""

    @property
    def kafka_uri(self) -> str:
        """The log's address as adapters take it."""
        return self.kafka if is_kafka(self.kafka) else f"{SCHEME}://{self.kafka}"

    @property
    def kafka_shown(self) -> str:
        """The log's address without options."""
        return self.kafka_uri.partition("?")[0]

    @property
    def engine_target(self) -> str:
        """The analytical store's URL without a database."""
        url = urlsplit(self.clickhouse.get_secret_value())
        return urlunsplit((url.scheme, url.netloc, "", "", ""))

    @property
    def database(self) -> str:
        """Where the tables are."""
        return urlsplit(self.clickhouse.get_secret_value()).path.strip("/") or DATABASE

    @property
    def clickhouse_shown(self) -> str:
        """The analytical store's address without user and password."""
        return f"{self.engine_target.rpartition('@')[2].rpartition('//')[2]}/{self.database}"


def stack_from_environment() -> StackSettings:
    """Return the settings. Raises InvalidInput, which names the variable, for what is missing or wrong."""
    try:
        settings = StackSettings()  # type: ignore[call-arg]  # they come from the environment
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{_PREFIX}{str(first['loc'][0]).upper()}"
        raise InvalidInput(name, None, "the other half of the distributed setting") from None
    url = urlsplit(settings.clickhouse.get_secret_value())
    if url.scheme not in ("http", "https") or not url.hostname or not _identifier(settings.database):
        # Not shown: there may be a password in it.
        raise InvalidInput(f"{_PREFIX}CLICKHOUSE", "…", _URL)
    return settings


def blobs_from_environment() -> MinioBlobStore:
    """Return the blob store that TRACKSTREAM_S3_… describes. Raises InvalidInput where they do not."""
    from trackstream_schemas.blobs.minio_settings import minio_from_environment

    store = minio_from_environment()
    if store is None:
        right = "http[s]://host[:port] of the object store, and the other settings of TRACKSTREAM_S3_…"
        raise InvalidInput("TRACKSTREAM_S3_ENDPOINT", None, right)
    return store


def refuse_wrong_blobs(blobs: BlobStore) -> None:
    """Raise StorageFailed where the blob store does not let us in, or has no such bucket.

    Where it cannot be reached now, that is only said: whoever starts waits for it, as one that runs does.
    """
    try:
        blobs.check()
    except Unavailable as error:
        logger.warning("the contents of artifacts cannot be reached yet: %s", error)
    except StorageFailed as error:
        raise StorageFailed(f"{error}; TRACKSTREAM_S3_… name the store, the bucket and the user") from error


def _identifier(name: str) -> bool:
    return name.isascii() and name.isidentifier()
