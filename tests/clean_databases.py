"""Migrated databases that tests use one after the other: to empty one takes a hundredth of making one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

_SHAPE = (
    "SELECT name, replaceAll(create_table_query, concat(database, '.'), '') FROM system.tables"
    " WHERE database = currentDatabase() ORDER BY name"
)
_FILLED = (
    "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND table != 'migrations'"
)


class CleanDatabases:
    """Lends engines on migrated, empty databases in the chDB directory `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: list[str] = []
        self._shape: list[tuple[object, ...]] = []

    def take(self) -> Engine:
        """Return an engine on an empty database, to be given back."""
        if self._free:
            return Engine(self._path, database=self._free.pop())
        made = Engine(self._path, database=f"test_{new_id()}")
        migrate(made)
        self._shape = self._shape_of(made)
        return made

    def give_back(self, engine: Engine) -> None:
        """Empty the database for the next test; one whose tables are not those of the migrations goes."""
        with engine.client() as client:
            if self._shape_of(engine) == self._shape:
                for (table,) in client.query(_FILLED).result_rows:
                    client.command(f"TRUNCATE TABLE {table} SYNC")
                self._free.append(engine.database)
            else:
                client.command(f"DROP DATABASE IF EXISTS {engine.database} SYNC")
        engine.close()

    @staticmethod
    def _shape_of(engine: Engine) -> list[tuple[object, ...]]:
        with engine.client() as client:
            tables = [tuple(row) for row in client.query(_SHAPE).result_rows]
            notes = [
                tuple(row)
                for row in client.query("SELECT number FROM migrations FINAL ORDER BY number").result_rows
            ]
        return [*tables, *notes]
