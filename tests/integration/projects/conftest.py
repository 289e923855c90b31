"""A served store that a module's tests share, and a launcher for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.processes import Server
from tests.integration.projects.launching import Launcher, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a directory; launches write to its log beside it."""
    started = Server(tmp_path_factory.mktemp("served") / "store").start()
    yield started
    started.close()


@pytest.fixture
def launcher(server: Server, tmp_path: Path) -> Launcher:
    """The command line on the served directory."""
    return Launcher(server.directory, tmp_path)


@pytest.fixture
def waiting(tmp_path: Path) -> Waiting:
    """A project whose program waits."""
    return Waiting(tmp_path)
