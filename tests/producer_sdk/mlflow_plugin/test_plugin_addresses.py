"""Which URIs the plugin for MLflow takes, and what they name."""

from __future__ import annotations

import pytest

from trackstream_mlflow.address import address_of, is_ours
from trackstream_schemas.errors import InvalidInput


@pytest.mark.parametrize(
    ("uri", "log", "api"),
    [
        ("trackstream://host:7000", "http://host:7000", "http://host:7000"),
        ("trackstream://host:7000/", "http://host:7000", "http://host:7000"),
        ("trackstream://host", "http://host:5000", "http://host:5000"),
        ("trackstream://[::1]:7000", "http://[::1]:7000", "http://[::1]:7000"),
        ("trackstream+https://host", "https://host", "https://host"),
        ("trackstream+https://host:8443", "https://host:8443", "https://host:8443"),
        ("trackstream:///data/my%20runs", "/data/my runs", None),
        (
            "trackstream+kafka://a:9092,b:9092?api=http://host:5000",
            "kafka://a:9092,b:9092",
            "http://host:5000",
        ),
        (
            "trackstream+kafka://a:9092?topic.prefix=x&api=https://host/&client.id=me",
            "kafka://a:9092?topic.prefix=x&client.id=me",
            "https://host",
        ),
    ],
)
def test_an_address_names_a_log_and_a_server(uri: str, log: str, api: str | None) -> None:
    assert is_ours(uri)
    assert address_of(uri) == (log, api)


@pytest.mark.parametrize(
    "uri",
    [
        "trackstream://",
        "trackstream:///",
        "trackstream://host:port",
        "trackstream://host:5000/prefix",
        "trackstream://host:5000?x=1",
        "trackstream+https:///data",
        "trackstream+kafka://a:9092",
        "trackstream+kafka://a:9092?api=host:5000",
        "trackstream+kafka://a:9092?api=http://x&api=http://y",
        "trackstream+kafka://a:9092?api=http://x&acks=0",
        "http://host:5000",
    ],
)
def test_what_is_no_address_is_refused_with_what_would_be(uri: str) -> None:
    with pytest.raises(InvalidInput, match="expected"):
        address_of(uri)
