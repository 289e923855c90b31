"""Fixtures of the SDK's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream import destination, sessions
from trackstream.client import Client
from trackstream.log.sqlite import SqliteLogWriter
from trackstream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see only the settings that they make."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRACKSTREAM_{name.upper()}", raising=False)
    monkeypatch.setenv("TRACKSTREAM_SPOOL_DIR", str(tmp_path / "spool"))


@pytest.fixture
def settings() -> Settings:
    """Settings that make tests quick."""
    return Settings(
        linger_ms=5,
        retry_first_ms=1,
        retry_longest_ms=5,
        flush_timeout_s=20,
        actor="tester",
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A directory for a store."""
    return tmp_path / "store"


@pytest.fixture
def writer(store: Path) -> Iterator[SqliteLogWriter]:
    """A writer of the store's log."""
    opened = SqliteLogWriter(store / "log.db")
    yield opened
    opened.close()


@pytest.fixture
def client(store: Path, settings: Settings) -> Iterator[Client]:
    """A client of the store."""
    opened = Client(store, settings=settings)
    yield opened
    opened.close(5)


@pytest.fixture
def fluent(store: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The fluent functions on a store of their own, whose directory is given; as in a fresh process."""
    monkeypatch.setattr(destination, "_settings", settings)
    monkeypatch.setattr(destination, "_uri", str(store))
    monkeypatch.setattr(sessions, "_clients", {})
    monkeypatch.setattr(sessions, "_open_runs", {})
    monkeypatch.setattr(sessions, "_resumed_from_settings", False)
    monkeypatch.setattr(sessions, "experiment", sessions.ActiveExperiment())
    sessions.active.__init__()  # type: ignore[misc]
    yield store
    for opened in sessions.clients():
        opened.close(5)
    sessions.active.__init__()  # type: ignore[misc]
