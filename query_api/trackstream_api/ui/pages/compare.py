"""Runs side by side."""

from __future__ import annotations

from nicegui import ui

from trackstream_api.ui.components.compare_board import CompareBoard
from trackstream_api.ui.mounting import preloaded, static_url
from trackstream_api.ui.page import page


@page("/compare", "compare", "Compare")
async def compare() -> None:
    """Curves, charts of params and metrics, differences and images of `?runs=ID&runs=ID`."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("compare.css")}">')
    ui.add_head_html(f'<script src="{static_url("compare_early.js")}"></script>')
    preloaded("charts", "compare")
    CompareBoard()
