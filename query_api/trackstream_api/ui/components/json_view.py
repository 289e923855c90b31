"""A JSON document as a tree that opens and closes."""

from __future__ import annotations

from nicegui import ui


class JsonView(ui.element, component="json_view.js"):
    """Shows a text that is JSON."""

    def __init__(self, text: str, label: str = "JSON") -> None:
        super().__init__()
        self._props["text"] = text
        self._props["label"] = label
