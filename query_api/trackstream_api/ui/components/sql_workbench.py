"""The editor, the results and the quick chart of the SQL page; all of it is in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Sequence

# Their modules are in a page's import map only once these classes are known.
_NEEDED = (ui.codemirror, ui.aggrid, ui.echart)


class SqlWorkbench(
    ui.element,
    component="sql_workbench.js",
    dependencies=["sql_result_chart.js", "sql_saved.js"],
):
    """Asks `POST /api/v1/sql`; the query and the chart are in the page's address."""

    def __init__(self, views: Sequence[dict[str, Any]], examples: Sequence[dict[str, str]]) -> None:
        """`views` is the API's dictionary; each example has a `title` and a `query`."""
        super().__init__()
        self._props["views"] = list(views)
        self._props["examples"] = list(examples)
