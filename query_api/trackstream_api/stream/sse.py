"""Sends a listener's events to one client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import Response
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from trackstream_api.stream.listener import Listener

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 1000
"""How long a client waits before it comes back."""
_STALLED_SECONDS = 60.0
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Wake:
    """Wakes a coroutine from any thread; made within the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def __call__(self) -> None:
        # Who listens may be gone, and its loop with it, while the tail still tells.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> bool:
        """Return whether it was woken within that time."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def clear(self) -> None:
        """Forget that it was woken."""
        self._event.clear()


class EventStream(Response):
    """A response that lasts until the listener ends or the client goes.

    What the client does not take waits in no memory of ours: nothing more is taken from the listener.
    """

    media_type = "text/event-stream"
    charset = "utf-8"

    def __init__(self, listener: Listener, wake: Wake, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        """`wake` is what the listener calls; the response closes the listener."""
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._listener = listener
        self._wake = wake
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError, OSError, TimeoutError):
                await sending
            await asyncio.shield(run_in_threadpool(self._listener.close))

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, f"retry: {RETRY_MS}\nid: {self._listener.position()}\n\n".encode())
        while True:
            self._wake.clear()
            taken = await run_in_threadpool(self._listener.take)
            if taken.content:
                await _send(send, taken.content)
            if taken.ended:
                await send({"type": "http.response.body", "body": b""})
                return
            if not taken.more and not await self._wake.wait(self._heartbeat):
                # With the place, since what was not wanted has been passed as well.
                await _send(send, f": here\nid: {self._listener.position()}\n\n".encode())


async def _send(send: Send, content: bytes) -> None:
    message = {"type": "http.response.body", "body": content, "more_body": True}
    await asyncio.wait_for(send(message), _STALLED_SECONDS)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
