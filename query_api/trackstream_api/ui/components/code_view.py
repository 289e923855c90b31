"""A text with line numbers and the colours of its language."""

from __future__ import annotations

from nicegui import ui

from trackstream_api.ui.components.artifact_code import lines_of


class CodeView(ui.element, component="code_view.js"):
    """Shows `text`; `path` tells its language, `label` what it is."""

    def __init__(self, text: str, path: str = "", label: str = "Text") -> None:
        super().__init__()
        self._props["lines"] = lines_of(text, path)
        self._props["label"] = label
