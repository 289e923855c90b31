"""The native stack in tests: where a tool it needs is missing they are skipped, or fail under CI."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from trackstream_api.native.errors import ToolMissing
from trackstream_api.native.stack import PARTS, Stack, up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def skipped_without_tools() -> Iterator[None]:
    """Skip the test where what is done within finds a tool missing; under CI raise ToolMissing."""
    try:
        yield
    except ToolMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the native stack cannot come up here: {error}")


def native_stack(data: Path, brokers: int = 1, parts: Iterable[str] = PARTS) -> Stack:
    """Return the stack, up and healthy; it goes down at the end of a `with`."""
    with skipped_without_tools():
        return up(data, brokers, parts)
