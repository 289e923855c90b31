"""Links within the UI and to files of this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from nicegui import ui


def link(words: str, address: str, title: str = "") -> ui.element:
    """Return a link; `address` comes from `places.place(...)`."""
    return tag("a", words, "ts-link", href=address, title=title or None)
