"""A request's body as a file for code that blocks, without holding or spooling it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import anyio.from_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Buffer


class RequestBody(io.RawIOBase):
    """Reads what the client sends, as it comes. For a thread that anyio started; memory: one piece.

    Raises starlette.requests.ClientDisconnect where the client goes away before its end.
    """

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(target):
            if not self._rest:
                piece = anyio.from_thread.run(self._next)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            taken = min(len(target) - filled, len(self._rest))
            target[filled : filled + taken] = self._rest[:taken]
            self._rest = self._rest[taken:]
            filled += taken
        return filled

    async def _next(self) -> bytes | None:
        async for piece in self._pieces:
            if piece:
                return piece
        return None
