"""An engine that dies: every statement up to the k-th is carried out, then nothing more is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.consumers.tables import TABLES
from trackstream_consumers.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator


class Killed(BaseException):
    """Stands for a `kill -9`: no code of ours catches it."""


class MortalEngine(Engine):
    """The real engine behind a counter of statements."""

    def __init__(self, engine: Engine, statements: int) -> None:
        """Die at the statement after `statements` statements on `engine`'s database."""
        super().__init__(engine.target, engine.database, clients=1)
        self.left = statements

    @contextmanager
    def client(self) -> Iterator[Any]:
        with super().client() as client:
            if self.left == 0:
                raise Killed
            self.left -= 1
            yield client


class SwapCutEngine(Engine):
    """The real engine, that dies behind the first so many pairs of an EXCHANGE TABLES."""

    def __init__(self, engine: Engine, pairs: int) -> None:
        super().__init__(engine.target, engine.database, clients=1)
        self._pairs = pairs

    @contextmanager
    def client(self) -> Iterator[Any]:
        yield self

    def command(self, text: str) -> None:
        """Swap the first pairs one by one, as the engine does, then die."""
        pairs = text.removeprefix("EXCHANGE TABLES ").split(", ")
        assert self._pairs <= len(pairs) == len(TABLES) + 1, "epochs, and every table that is compared"
        with super().client() as client:
            for pair in pairs[: self._pairs]:
                client.command(f"EXCHANGE TABLES {pair}")
        self.close()
        raise Killed
