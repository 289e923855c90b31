"""From a tracking URI to the log writer and the blob store behind it. New adapters are named here only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trackstream.spool import OFFLINE
from trackstream_schemas import kafka_connection, sqlite_layout
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream.artifacts import BlobUpload
    from trackstream.log.port import LogWriter

_RIGHT = (
    "a directory (./trackstream-data, file:///data/ts), a server's address (http://host:5000, https://…),"
    " a Kafka cluster (kafka://host:9092) or offline: and a directory (offline:./spool)"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
BLOBS_FOLDER = "blobs"


def resolve_uri(uri: object) -> str:
    """Return the one spelling of a tracking URI: an absolute directory, http(s)://host:port,
    kafka://host:port[,…][?option=value] or offline: and an absolute directory.

    Raises InvalidInput, which lists what is right, for any other scheme.
    """
    if not isinstance(uri, str | Path) or not str(uri).strip() or "\x00" in str(uri):
        raise InvalidInput("tracking URI", uri, _RIGHT)
    text = str(uri)
    if text.startswith(OFFLINE):
        if not text.removeprefix(OFFLINE).strip():
            raise InvalidInput("tracking URI", uri, "offline: and a directory (offline:./spool)")
        return OFFLINE + str(Path(text.removeprefix(OFFLINE)).expanduser().absolute())
    scheme = _SCHEME.match(text)
    if scheme is None:
        return str(Path(text).expanduser().absolute())
    parts = urlsplit(text)
    match scheme[1].lower():
        case "file" if parts.netloc in ("", "localhost") and parts.path:
            return str(Path(unquote(parts.path)))
        case "http" | "https" if parts.hostname and not parts.query and not parts.fragment:
            return text.rstrip("/")
        case kafka_connection.SCHEME:
            kafka_connection.parse_kafka(text)
            return text
        case _:
            raise InvalidInput("tracking URI", uri, _RIGHT)


def open_log_writer(uri: str) -> LogWriter:
    """Return a writer for the log at `uri`.

    Raises InvalidInput for a URI that is not understood, StorageFailed or Unavailable where the log
    cannot be opened.
    """
    where = resolve_uri(uri)
    if where.startswith(OFFLINE):
        from trackstream.spool.offline import OfflineLog

        return OfflineLog(Path(where.removeprefix(OFFLINE)))
    if where.startswith(("http://", "https://")):
        from trackstream.log.http import HttpLogWriter

        return HttpLogWriter(where)
    if kafka_connection.is_kafka(where):
        from trackstream.log.kafka import KafkaLogWriter

        return KafkaLogWriter(where)
    from trackstream.log.sqlite import SqliteLogWriter

    return SqliteLogWriter(Path(where) / sqlite_layout.FILE_NAME)


def open_blob_store(uri: str) -> BlobUpload:
    """Return where the large artifacts of the log at `uri` are put."""
    where = resolve_uri(uri)
    if where.startswith(OFFLINE):
        raise InvalidInput("tracking URI", uri, "where artifacts can be stored: not an offline directory")
    if where.startswith(("http://", "https://")):
        from trackstream.presigned_upload import PresignedUpload

        return PresignedUpload(where)
    if kafka_connection.is_kafka(where):
        from trackstream.log.kafka_blobs import BucketFromEnvironment

        return BucketFromEnvironment()
    from trackstream_schemas.blobs import DirectoryBlobStore

    return DirectoryBlobStore(Path(where) / BLOBS_FOLDER)
