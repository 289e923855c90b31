"""The environment that makes a process part of the distributed composition."""

from __future__ import annotations

import pytest

from trackstream_api.stack_settings import blobs_from_environment, stack_from_environment
from trackstream_schemas.errors import InvalidInput


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "CLICKHOUSE", "S3_ENDPOINT"):
        monkeypatch.delenv(f"TRACKSTREAM_{name}", raising=False)


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSTREAM_KAFKA", "a:9092,b:9092")
    monkeypatch.setenv("TRACKSTREAM_CLICKHOUSE", "http://me:p%40ss@ch:8123")
    settings = stack_from_environment()
    assert settings.kafka_uri == "kafka://a:9092,b:9092"
    assert settings.engine_target == "http://me:p%40ss@ch:8123"
    assert settings.database == "trackstream"
    assert settings.clickhouse_shown == "ch:8123/trackstream"
    assert "p%40ss" not in repr(settings)


def test_options_and_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSTREAM_KAFKA", "kafka://a?topic.prefix=x.")
    monkeypatch.setenv("TRACKSTREAM_CLICKHOUSE", "https://ch:8443/second")
    settings = stack_from_environment()
    assert settings.kafka_uri == "kafka://a?topic.prefix=x."
    assert settings.kafka_shown == "kafka://a"
    assert settings.database == "second"
    assert settings.engine_target == "https://ch:8443"


@pytest.mark.parametrize(("given", "missing"), [("KAFKA", "CLICKHOUSE"), ("CLICKHOUSE", "KAFKA")])
def test_half_of_it_names_the_other_half(monkeypatch: pytest.MonkeyPatch, given: str, missing: str) -> None:
    monkeypatch.setenv(f"TRACKSTREAM_{given}", "http://h:1")
    with pytest.raises(InvalidInput, match=f"TRACKSTREAM_{missing}"):
        stack_from_environment()


@pytest.mark.parametrize("url", ["ch:8123", "tcp://u:secret@h:9000", "http://h/a b", "http://h/a;drop"])
def test_an_address_that_cannot_be_right_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TRACKSTREAM_KAFKA", "a")
    monkeypatch.setenv("TRACKSTREAM_CLICKHOUSE", url)
    with pytest.raises(InvalidInput, match="TRACKSTREAM_CLICKHOUSE") as caught:
        stack_from_environment()
    assert url not in str(caught.value)


def test_no_blob_store_is_told() -> None:
    with pytest.raises(InvalidInput, match="TRACKSTREAM_S3_ENDPOINT"):
        blobs_from_environment()
