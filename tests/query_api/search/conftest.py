"""The store that searches are tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.query_api.search.small_store import small_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_consumers.engine import Engine


@pytest.fixture(scope="package")
def store(engine_dir: Path) -> Iterator[Engine]:
    """Nothing here changes it, so all searches share it."""
    with small_store(engine_dir) as engine:
        yield engine
