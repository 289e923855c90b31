"""From environment variables to a store."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.minio_store import new_bucket_name
from trackstream_schemas.blobs.minio_settings import S3Settings, minio_from_environment
from trackstream_schemas.errors import InvalidInput

if TYPE_CHECKING:
    from trackstream_api.native.minio import MinioAddress

RIGHT = {"ENDPOINT": "https://store.example.com", "ACCESS_KEY": "somebody", "SECRET_KEY": "a-secret"}


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TRACKSTREAM_S3_{name}", value)


def test_without_an_endpoint_there_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACKSTREAM_S3_ENDPOINT", raising=False)
    assert minio_from_environment() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDPOINT", "host:9000"),
        ("ENDPOINT", "http://user:password@host"),
        ("ENDPOINT", "http://host/path"),
        ("SECRET_KEY", ""),
        ("PART_SIZE", "1000"),
        ("PARALLEL_PARTS", "0"),
        ("BUCKET", "ab"),
    ],
)
def test_what_cannot_be_right_is_named_without_a_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment(monkeypatch, **{**RIGHT, name: value})
    with pytest.raises(InvalidInput, match=f"TRACKSTREAM_S3_{name}") as caught:
        minio_from_environment()
    assert "a-secret" not in str(caught.value)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, **RIGHT)
    shown = repr(S3Settings())  # type: ignore[call-arg]
    assert "a-secret" not in shown
    assert "somebody" not in shown


@pytest.mark.integration
def test_the_store_of_the_environment_works(
    monkeypatch: pytest.MonkeyPatch, minio_address: MinioAddress
) -> None:
    environment(
        monkeypatch,
        ENDPOINT=f"http://{minio_address.endpoint}",
        BUCKET=new_bucket_name(),
        ACCESS_KEY=minio_address.access_key,
        SECRET_KEY=minio_address.secret_key,
        PREFIX="a/b",
    )
    store = minio_from_environment()
    assert store is not None
    store.create_bucket()
    blob = store.put(io.BytesIO(b"weights"))
    assert list(store.all()) == [blob]
