"""The real stack, one for all tests of this folder; each test has a log and a database of its own on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.native.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, MinIO and ClickHouse's protocol."""
    from trackstream_api.native.errors import ToolMissing
    from trackstream_api.native.stack import up

    try:
        started = up(tmp_path_factory.mktemp("stack"))
    except ToolMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the native stack cannot come up here: {error}")
    with started:
        yield started
