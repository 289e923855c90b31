"""Fixtures of the API's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.query_api.live_server import LiveServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that a module's tests share; each makes its own experiments and runs."""
    live = LiveServer(tmp_path_factory.mktemp("store"))
    yield live
    live.close()
