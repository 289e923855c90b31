"""What makes a function a page: its address, its frame, and what is shown when the API refuses."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.states import failed
from trackstream_api.ui.frame import frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trackstream_api.ui.frame import Section

_RESPONSE_LIMIT_S = 60.0


def page(
    path: str, section: Section, title: str
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Register an async function as the page at `path` below the UI's prefix, `{names}` as in FastAPI.

    It is run within the frame. An ApiFailure that it raises is shown as a state of the page, with what it has
    built so far taken away. `title` names the page until it says `frame.titled(...)`.
    """

    def register(build: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @wraps(build)
        async def shown(*args: Any, **named: Any) -> None:
            with frame(section, title) as content:
                try:
                    await build(*args, **named)
                except ApiFailure as failure:
                    content.clear()
                    with content:
                        failed(failure)

        registered: Callable[..., Awaitable[None]] = ui.page(path, response_timeout=_RESPONSE_LIMIT_S)(shown)
        return registered

    return register
