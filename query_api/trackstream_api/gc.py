"""Garbage collection: purges what has been deleted for long, and contents that no artifact names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trackstream_api.barrier import reading
from trackstream_api.models.admin import BlobCount, GcReport, GcRequest
from trackstream_api.queries.artifacts import named_contents
from trackstream_api.queries.deleted import Deleted, deleted_before
from trackstream_schemas import events as e
from trackstream_schemas import topics

if TYPE_CHECKING:
    from trackstream_api.store import Store
    from trackstream_schemas.blobs import Blob

_TOPICS = (
    topics.EXPERIMENTS,
    topics.RUNS,
    topics.LOGGED_MODELS,
    topics.TRACES,
    topics.ARTIFACTS,
    topics.ARTIFACT_BYTES,
)
_PURGES_AT_ONCE = 1000
STALE_UPLOAD_SECONDS = 86_400
"""An upload that was begun longer ago than this and is not whole was given up by its client."""
UPLOAD_GRACE_SECONDS = 3600
"""A content younger than this may belong to an upload whose event is still on its way."""


def collect(store: Store, request: GcRequest) -> GcReport:
    """Do, or with `dry_run` only tell, what the request allows.

    A purge is an event like any other, so a replay purges again. Contents go last: whatever the process
    dies of, no artifact is left without its content.
    """
    age_ms = int(request.older_than_days * 86_400_000)
    before = max(0, time.time_ns() // 1_000_000 - age_ms)
    with store.deciding():
        with reading(store, _TOPICS):
            doomed = deleted_before(store.engine, before)
        if not request.dry_run:
            _purge(store, doomed)
    with reading(store, _TOPICS):
        named = named_contents(store.engine, doomed.owners)
    unnamed = _unnamed(store, named, before / 1000)
    if not request.dry_run:
        for blob in unnamed:
            store.blobs.delete(blob.sha256)
        store.blobs.abort_stale(STALE_UPLOAD_SECONDS)
    return GcReport(
        runs=doomed.runs,
        experiments=doomed.experiments,
        logged_models=doomed.logged_models,
        traces=doomed.traces,
        blobs=BlobCount(count=len(unnamed), bytes=sum(blob.size for blob in unnamed)),
        dry_run=request.dry_run,
    )


def _purge(store: Store, doomed: Deleted) -> None:
    bodies: list[e.Body] = [e.RunPurged(run_id) for run_id in doomed.runs]
    bodies += [e.LoggedModelPurged(model_id) for model_id in doomed.logged_models]
    bodies += [e.TraceDeleted(trace_id) for trace_id in doomed.traces]
    bodies += [e.ExperimentPurged(experiment_id) for experiment_id in doomed.experiments]
    for start in range(0, len(bodies), _PURGES_AT_ONCE):
        store.producer.emit_and_wait(bodies[start : start + _PURGES_AT_ONCE])


def _unnamed(store: Store, named: set[str], before: float) -> list[Blob]:
    """Return the contents that may go, seconds since the epoch being the time of their storing."""
    limit = min(before, time.time() - UPLOAD_GRACE_SECONDS)
    return [blob for blob in store.blobs.all() if blob.sha256 not in named and blob.stored_at <= limit]
