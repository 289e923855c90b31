"""Frees the room that purged runs' points and files take.

Topics have no order between them, so such rows may come in after the purge. Readers leave them out
(the views do: a run that was ever purged stays so); this removes them from the disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

TABLES = ("metric_points", "latest_metrics", "artifacts")
_PURGED = "SELECT run_id FROM runs WHERE lifecycle_stage = 'purged'"


def forget(engine: Engine, run_ids: Sequence[str]) -> None:
    """Remove all rows of these runs; what is not there is no error. Raises SlowDown."""
    if not run_ids:
        return
    for table in TABLES:
        with store.engine_errors(), engine.client() as client:
            client.command(
                f"DELETE FROM {table} WHERE run_id IN {{ids:Array(String)}}",
                parameters={"ids": list(run_ids)},
            )


def forget_purged(engine: Engine) -> int:
    """Remove what has come in behind purges; returns the number of runs concerned. Raises SlowDown."""
    union = " UNION DISTINCT ".join(
        f"SELECT run_id FROM {table} WHERE run_id IN ({_PURGED})" for table in TABLES
    )
    with store.engine_errors(), engine.client() as client:
        found = [row[0] for row in client.query(union).result_rows]
    forget(engine, found)
    return len(found)
