"""What readers see: every table's rows, comparable bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_consumers import purge

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

TABLES = (
    "experiments",
    "runs",
    "run_params",
    "run_tags",
    "registered_models",
    "model_versions",
    "events",
    "positions",
    "metric_points",
    "metric_rollups",
    "latest_metrics",
    "metric_events",
    "writer_reports",
    "rewinds",
    "superseded",
    "artifacts",
    "logged_models",
    "logged_model_metrics",
    "traces",
    "launches",
    "dead_letters",
    "dead_letter_resolutions",
)
_AS_BITS = {
    "metric_points": ["value"],
    "metric_rollups": ["last_value", "total"],
    "latest_metrics": ["value"],
    "logged_model_metrics": ["value"],
}


def visible(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table as readers see them (FINAL), sorted."""
    return {table: rows_of(engine, table) for table in TABLES}


def rows_of(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    """Return a table's rows as readers see them, sorted; floats as their bits."""
    purged = "WHERE run_id NOT IN (SELECT owner FROM purged_owners)"
    where = purged if table in purge.TABLES else ""
    exact = {
        "events": "hex(message) AS message",
        "dead_letters": "hex(value) AS value",
        **{
            name: ", ".join(f"reinterpretAsUInt64({column}) AS {column}" for column in columns)
            for name, columns in _AS_BITS.items()
        },
    }
    replaced = f"REPLACE ({exact[table]})" if table in exact else ""
    with engine.client() as client:
        found = client.query(f"SELECT * {replaced} FROM {table} FINAL {where}").result_rows
    return sorted(found, key=repr)


def scalar(engine: Engine, query: str) -> Any:
    """Return the one value of a query's one row."""
    with engine.client() as client:
        return client.query(query).result_rows[0][0]
