"""What a closed store holds, read in a process of its own: chDB has one directory open in each."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from trackstream_consumers.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

# Where a record stands on the log is each log's own.
_PLACES = {"partition", "offset", "version", "earliness", "conflicts", "rank", "deleted_offset"}
_NO_FACTS = {"positions", "epochs", "schema_migrations", "migrations"}


def facts(directory: Path) -> dict[str, list[Any]]:
    """Return the rows of all tables, without where they stand on the log and without experiment 0."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        return apart.submit(_facts, directory).result()


def _facts(directory: Path) -> dict[str, list[Any]]:
    engine = Engine(directory / "engine")
    try:
        with engine.client() as client:
            tables = client.query(
                "SELECT name FROM system.tables"
                " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
            ).result_rows
            found = {}
            for (table,) in tables:
                columns = [row[0] for row in client.query(f"DESCRIBE {table}").result_rows if row[2] == ""]
                kept = [name for name in columns if name not in _PLACES]
                if table in _NO_FACTS or not kept:
                    continue
                fields = ", ".join(f"toString({name})" for name in kept)
                rows = client.query(f"SELECT {fields} FROM {table} FINAL").result_rows
                told = [dict(zip(kept, row, strict=True)) for row in rows]
                found[table] = sorted(
                    (row for row in told if not _of_default(row)), key=lambda row: sorted(row.items())
                )
            return found
    finally:
        engine.close()


def _of_default(row: dict[str, str]) -> bool:
    return "0" in (row.get("experiment_id"), row.get("entity_id"))
