"""Rows of a file in AG Grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

if TYPE_CHECKING:
    from trackstream_api.ui.components.artifact_rows import Rows

_BY_NUMBER = "(a, b) => (a === '' ? -Infinity : Number(a)) - (b === '' ? -Infinity : Number(b))"


class RowGrid(ui.aggrid):
    """Sorts what it shows."""

    def __init__(self, rows: Rows) -> None:
        # Not under the file's own names: NiceGUI evaluates a value whose name begins with a colon.
        columns: list[dict[str, Any]] = [
            {
                "field": f"c{index}",
                "headerName": name,
                "minWidth": 90,
                **({"type": "rightAligned", ":comparator": _BY_NUMBER} if index in rows.numeric else {}),
            }
            for index, name in enumerate(rows.columns)
        ]
        super().__init__(
            {
                "columnDefs": columns,
                "rowData": [{f"c{index}": cell for index, cell in enumerate(row)} for row in rows.rows],
                "defaultColDef": {"sortable": True, "resizable": True, "suppressMovable": True},
                "autoSizeStrategy": {"type": "fitCellContents"},
                "suppressFieldDotNotation": True,
                "enableCellTextSelection": True,
                "animateRows": False,
                "rowHeight": 28,
                "headerHeight": 30,
            },
            theme="quartz",
            auto_size_columns=False,
        )
        self.classes("ts-preview-rows")
