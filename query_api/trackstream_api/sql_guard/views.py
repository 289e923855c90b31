"""The tables of the SQL of users: the views of the migrations, and no other."""

from __future__ import annotations

VIEW_COLUMNS: dict[str, tuple[str, ...]] = {
    "v_experiments": (
        "experiment_id", "name", "lifecycle_stage", "created_at", "updated_at", "tags", "conflicts",
    ),
    "v_runs": (
        "run_id", "experiment_id", "name", "user_id", "status", "lifecycle_stage", "start_time", "end_time",
        "duration_seconds", "params", "tags", "inputs", "conflicts",
    ),
    "v_params": ("run_id", "key", "value"),
    "v_tags": ("run_id", "key", "value"),
    "v_metrics": (
        "run_id", "key", "step", "timestamp", "value", "writer", "producer_id", "sequence", "point",
    ),
    "v_latest_metrics": ("run_id", "key", "value", "step", "timestamp"),
    "v_artifacts": ("run_id", "path", "size", "sha256", "content_type", "logged_at"),
    "v_events": (
        "topic", "entity_id", "partition", "offset", "event_type", "event_id", "occurred_at", "producer_id",
        "sequence", "actor", "payload",
    ),
}  # fmt: skip

VIEWS = frozenset(VIEW_COLUMNS)
COLUMNS = frozenset(column for columns in VIEW_COLUMNS.values() for column in columns)
