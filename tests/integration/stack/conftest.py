"""The real stack, one for all tests of this folder; each test has a log and a database of its own on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.native_stack import native_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.native.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, MinIO and ClickHouse's protocol."""
    with native_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started
