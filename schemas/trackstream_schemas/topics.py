"""The log's topics. All records of one entity share a key, hence a partition, hence an order."""

from __future__ import annotations

EXPERIMENTS = "trackstream.experiments"
"""Keyed by experiment_id."""
RUNS = "trackstream.runs"
"""Lifecycle, params, tags and inputs; keyed by run_id."""
METRICS = "trackstream.metrics"
"""Columnar batches, the writers' reports of what they sent, and rewinds; keyed by run_id."""
ARTIFACTS = "trackstream.artifacts"
"""Artifact metadata; keyed by run_id."""
ARTIFACT_BYTES = "trackstream.artifact-bytes"
"""Chunks of small artifacts; keyed by upload_id."""
LOGGED_MODELS = "trackstream.logged-models"
"""Keyed by model_id."""
TRACES = "trackstream.traces"
"""Traces and their assessments; keyed by trace_id."""
REGISTRY = "trackstream.registry"
"""Registered models and their versions; keyed by registered_model_id. Has one partition: which model a name
belongs to is settled by the order of all its records."""
LAUNCHES = "trackstream.launches"
"""Launches of projects; keyed by launch_id."""
DEAD_LETTERS = "trackstream.dead-letters"
"""Records that a projector gave up; keyed by the source position."""
SCHEMAS = "trackstream.schemas"
"""Every writer schema as JSON text, keyed by fingerprint (16 hex digits): the log describes itself."""

EVENT_TOPICS = (
    EXPERIMENTS,
    RUNS,
    METRICS,
    ARTIFACTS,
    ARTIFACT_BYTES,
    LOGGED_MODELS,
    TRACES,
    REGISTRY,
    LAUNCHES,
    DEAD_LETTERS,
)
"""Topics whose records are events in single-object encoding."""

ALL_TOPICS = (*EVENT_TOPICS, SCHEMAS)

TOTALLY_ORDERED = frozenset({REGISTRY})
"""Topics that have one partition on every log, however many the others have."""
