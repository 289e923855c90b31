"""Which store a command works on where the environment names several."""

from __future__ import annotations

import pytest

from trackstream_api.cli.stack_checks import is_distributed


@pytest.mark.parametrize(
    ("uri", "stack"),
    [
        ("", True),
        ("kafka://127.0.0.1:9092", True),
        ("http://127.0.0.1:5000", False),
        ("./trackstream-data", False),
    ],
)
def test_a_tracking_uri_of_another_store_wins(uri: str, stack: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKSTREAM_KAFKA", "kafka://127.0.0.1:9092")
    monkeypatch.setenv("TRACKSTREAM_CLICKHOUSE", "http://127.0.0.1:8123")
    monkeypatch.setenv("TRACKSTREAM_URI", uri)
    assert is_distributed() is stack


def test_without_addresses_of_servers_there_is_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACKSTREAM_KAFKA", "TRACKSTREAM_CLICKHOUSE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKSTREAM_URI", "kafka://127.0.0.1:9092")
    assert not is_distributed()
