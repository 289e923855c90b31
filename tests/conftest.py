"""Fixtures that several packages' tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_consumers.engine import Engine


@pytest.fixture(scope="session")
def engine_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one chDB directory of this process: chDB has one open at a time. It is kept open meanwhile."""
    from trackstream_consumers.engine import Engine

    path = tmp_path_factory.mktemp("engine")
    anchor = Engine(path, database="anchor")
    with anchor.client():
        pass
    yield path
    anchor.close()


@pytest.fixture
def engine(engine_dir: Path) -> Iterator[Engine]:
    """An engine on a migrated database of its own."""
    from trackstream_consumers.engine import Engine
    from trackstream_consumers.migrate import migrate

    fresh = Engine(engine_dir, database=f"test_{new_id()}")
    migrate(fresh)
    yield fresh
    with fresh.client() as client:
        client.command(f"DROP DATABASE IF EXISTS {fresh.database} SYNC")
    fresh.close()
