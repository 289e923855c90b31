"""The whole of the compare page that moves: it lives in the browser, and its state in the page's address."""

from __future__ import annotations

from nicegui import ui

# What it imports in the browser: ECharts and the charts.
from trackstream_api.ui.components import series_chart  # noqa: F401


class CompareBoard(ui.element, component="compare_board.js"):
    """The runs of the address's `runs`, side by side."""
