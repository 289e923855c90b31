"""The table of runs: in the browser, which asks the API itself."""

from __future__ import annotations

import nicegui.elements.aggrid  # noqa: F401  (puts AG Grid into the pages' import map)
from nicegui import ui
from nicegui.dependencies import register_importmap_override

from trackstream_api.ui.mounting import static_url


class RunGrid(ui.element, component="run_grid.js"):
    """The runs of the experiment that the page's address names, else of all; that address holds its state."""

    def __init__(self) -> None:
        super().__init__()
        register_importmap_override("trackstream-ui/", static_url(""))
        # A script that asks for the first rows while the rest is being loaded.
        ui.add_head_html(f'<script src="{static_url("runs_query.js")}"></script>')
        ui.add_head_html(f'<link rel="stylesheet" href="{static_url("runs.css")}">')
