"""A button that puts text on the clipboard."""

from __future__ import annotations

from nicegui import ui


class CopyButton(ui.element, component="copy_button.js", dependencies=["clipboard.js"]):
    """Copies `text`; `label` says what that is, as in "Copy the run's id"."""

    def __init__(self, text: str, label: str) -> None:
        super().__init__()
        self._props["text"] = text
        self._props["label"] = label
