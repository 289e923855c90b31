"""Fixtures of the consumers' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.consumers.direct_log import DirectLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DirectLog]:
    """An empty log with one partition a topic."""
    direct = DirectLog(tmp_path / "log.db")
    yield direct
    direct.close()
