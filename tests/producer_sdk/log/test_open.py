"""Tracking URIs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from trackstream.log.http import HttpLogWriter
from trackstream.log.kafka import KafkaLogWriter
from trackstream.log.open import open_blob_store, open_log_writer, resolve_uri
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.presigned_upload import PresignedUpload
from trackstream_schemas.blobs import DirectoryBlobStore
from trackstream_schemas.errors import InvalidInput


@pytest.mark.parametrize(
    ("uri", "resolved"),
    [
        ("data", str(Path.cwd() / "data")),
        ("./data", str(Path.cwd() / "data")),
        (Path("/data/ts"), "/data/ts"),
        ("file:///data/my%20store", "/data/my store"),
        ("http://host:5000/", "http://host:5000"),
        ("https://host/prefix", "https://host/prefix"),
        ("kafka://broker:9092,other", "kafka://broker:9092,other"),
    ],
)
def test_resolve_uri(uri: str | Path, resolved: str) -> None:
    assert resolve_uri(uri) == resolved


@pytest.mark.parametrize(
    "uri",
    ["", "  ", "ftp://host/x", "http://", "file://other-host/x", "a\x00b", None, 5],
)
def test_what_is_no_tracking_uri_is_refused_and_told_what_is_right(uri: object) -> None:
    with pytest.raises(InvalidInput, match=r"tracking URI: got .*directory.*http://host:5000"):
        resolve_uri(uri)


def test_a_directory_has_a_sqlite_log_and_a_blob_directory(tmp_path: Path) -> None:
    writer = open_log_writer(str(tmp_path / "new"))
    assert isinstance(writer, SqliteLogWriter)
    writer.close()
    assert (tmp_path / "new" / "log.db").is_file()
    assert isinstance(open_blob_store(str(tmp_path)), DirectoryBlobStore)


def test_an_address_has_an_http_log_and_blob_upload() -> None:
    assert isinstance(open_log_writer("http://host:5000"), HttpLogWriter)
    assert isinstance(open_blob_store("http://host:5000"), PresignedUpload)


def test_a_cluster_has_a_kafka_log_and_the_bucket_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACKSTREAM_S3_ENDPOINT", raising=False)
    writer = open_log_writer("kafka://127.0.0.1:1")
    assert isinstance(writer, KafkaLogWriter)
    writer.close()
    with pytest.raises(InvalidInput, match="TRACKSTREAM_S3_ENDPOINT"):
        open_blob_store("kafka://127.0.0.1:1").put(io.BytesIO(b"x"))


@pytest.mark.parametrize("uri", ["kafka://", "kafka://me:hush@broker", "kafka://broker?acks=1"])
def test_a_kafka_address_that_is_wrong_is_told_so(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve_uri(uri)
    assert "hush" not in str(refused.value)
