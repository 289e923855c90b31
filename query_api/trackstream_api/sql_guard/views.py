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
        "partition", "offset",
    ),
    "v_writers": (
        "run_id", "writer", "producer_id", "state", "completeness", "started_at", "last_seen",
        "heartbeat_seconds", "sent_batches", "projected_batches", "sent_points", "projected_points",
        "sent_run_events", "projected_run_events", "sent_artifact_events", "projected_artifact_events",
        "lost_points", "lost_events",
    ),
    "v_writer_reports": (
        "run_id", "writer", "producer_id", "state", "started_at", "last_seen", "heartbeat_seconds",
        "sent_batches", "sent_points", "lost_points", "lost_events",
    ),
    "v_completeness": ("run_id", "completeness", "writers", "sent_points", "projected_points"),
    "v_latest_metrics": ("run_id", "key", "value", "step", "timestamp"),
    "v_artifacts": ("run_id", "path", "size", "sha256", "content_type", "logged_at"),
    "v_models": (
        "registered_model_id", "name", "description", "created_at", "updated_at", "tags", "aliases", "stages",
        "conflicts",
    ),
    "v_model_versions": (
        "name", "version", "stage", "aliases", "source", "run_id", "model_id", "description", "user_id",
        "created_at", "updated_at", "tags", "registered_model_id",
    ),
    "v_logged_models": (
        "model_id", "experiment_id", "name", "source_run_id", "model_type", "status", "lifecycle_stage",
        "created_at", "updated_at", "params", "tags", "conflicts",
    ),
    "v_logged_model_metrics": (
        "model_id", "key", "step", "timestamp", "value", "run_id", "dataset_name", "dataset_digest",
    ),
    "v_traces": (
        "trace_id", "experiment_id", "state", "request_time", "duration_seconds", "client_request_id",
        "request_preview", "response_preview", "metadata", "tags", "run_ids", "prompts",
    ),
    "v_assessments": (
        "trace_id", "assessment_id", "name", "kind", "value", "rationale", "source_type", "source_id",
        "created_at", "updated_at",
    ),
    "v_launches": (
        "launch_id", "state", "run_id", "experiment_id", "uri", "entry_point", "project", "project_version",
        "commit", "dirty", "parameters", "backend", "environment", "image", "host", "attempts", "exit_code",
        "reason", "requested_at", "started_at", "ended_at", "duration_seconds", "user_id", "queue",
        "retry_of", "parent_launch_id", "conflicts",
    ),
    "v_events": (
        "topic", "entity_id", "partition", "offset", "event_type", "event_id", "occurred_at", "producer_id",
        "sequence", "actor", "payload",
    ),
    "v_positions": ("projector", "topic", "partition", "next_offset"),
    "v_dead_letters": (
        "projector", "topic", "partition", "offset", "key", "error_type", "error_message", "occurred_at",
        "resolution", "reason", "resolved_by", "resolved_at",
    ),
}  # fmt: skip

VIEWS = frozenset(VIEW_COLUMNS)
COLUMNS = frozenset(column for columns in VIEW_COLUMNS.values() for column in columns)
