"""The views that users' SQL may read, as the migrations describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.models.sql import SqlView, SqlViewColumn
from trackstream_api.queries.execution import select
from trackstream_api.sql_guard import VIEWS

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

_COLUMNS = """
    SELECT table, name, type, comment FROM system.columns
    WHERE database = currentDatabase() AND has({views:Array(String)}, table) ORDER BY table, position
"""
_COMMENTS = """
    SELECT name, comment FROM system.tables
    WHERE database = currentDatabase() AND has({views:Array(String)}, name) ORDER BY name
"""


def views(engine: Engine) -> list[SqlView]:
    """Return them by name, their columns in order."""
    named = {"views": sorted(VIEWS)}
    columns: dict[str, list[SqlViewColumn]] = {}
    for view, name, kind, comment in select(engine, _COLUMNS, named):
        columns.setdefault(view, []).append(SqlViewColumn(name=name, type=kind, meaning=comment))
    return [
        SqlView(name=name, meaning=comment, columns=columns.get(name, []))
        for name, comment in select(engine, _COMMENTS, named)
    ]
