"""Frees the room that the points and files of what was purged take.

Topics have no order between them, so such rows may come in after the purge. Readers leave them out
(the view purged_owners tells); this removes them from the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

TABLES = (
    "metric_points",
    "metric_rollups",
    "latest_metrics",
    "metric_events",
    "writer_reports",
    "rewinds",
    "superseded",
    "artifacts",
    "logged_model_metrics",
)
_PURGED = "SELECT owner FROM purged_owners"


def forget(engine: Engine, owners: Sequence[str]) -> None:
    """Remove all rows of these runs and files of these traces; none are no error. Raises SlowDown."""
    for table in TABLES:
        _delete(engine, table, "run_id", owners)


def forget_models(engine: Engine, model_ids: Sequence[str]) -> None:
    """Remove all measurements and files of these logged models; none are no error. Raises SlowDown."""
    _delete(engine, "logged_model_metrics", "model_id", model_ids)
    forget_files(engine, model_ids)


def forget_files(engine: Engine, owners: Sequence[str]) -> None:
    """Remove the files of these traces; none are no error. Raises SlowDown."""
    _delete(engine, "artifacts", "run_id", owners)


def _delete(engine: Engine, table: str, column: str, ids: Sequence[str]) -> None:
    if ids:
        with store.engine_errors(), engine.client() as client:
            client.command(
                f"DELETE FROM {table} WHERE {column} IN {{ids:Array(String)}}", parameters={"ids": list(ids)}
            )


def forget_purged(engine: Engine) -> int:
    """Remove what has come in behind purges; returns the number of owners concerned. Raises SlowDown."""
    union = " UNION DISTINCT ".join(
        f"SELECT run_id FROM {table} WHERE run_id IN ({_PURGED})" for table in TABLES
    )
    with store.engine_errors(), engine.client() as client:
        found = [row[0] for row in client.query(union).result_rows]
    forget(engine, found)
    return len(found)
