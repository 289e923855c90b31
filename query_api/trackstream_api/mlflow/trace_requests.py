"""What the endpoints of traces share: reading one, checking tags, and what deletion takes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.barrier import reading
from trackstream_api.mlflow import rules
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.queries import artifacts, traces
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trackstream_api.models.traces import Trace
    from trackstream_api.store import Store

TRACE_TOPICS = (topics.TRACES,)
SPAN_TOPICS = (topics.TRACES, topics.ARTIFACTS, topics.ARTIFACT_BYTES)
SPANS_FILE = "traces.json"
"""Where the client puts a trace's spans (mlflow.store.artifact.artifact_repo.TRACE_DATA_FILE_NAME)."""
ARTIFACT_LOCATION = "mlflow.artifactLocation"
SPANS_LOCATION = "mlflow.trace.spansLocation"
_IMMUTABLE = frozenset({SPANS_LOCATION, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"})
_DELETABLE = frozenset({"mlflow.trace.archivalFailure"})
_LONGEST_TEXT = 1_000_000
_AT_ONCE = 1000


def current_trace(store: Store, trace_id: str) -> Trace:
    """Return a trace. Raises NotFound."""
    with reading(store, TRACE_TOPICS):
        return traces.get(store.engine, trace_id)


def checked_tag(key: str, value: str) -> tuple[str, str]:
    """Return a tag as it may be set, its value cut at 8,000 characters. Raises InvalidParameter."""
    if key in _IMMUTABLE:
        raise InvalidParameter("key", f"Tag '{key}' is immutable and cannot be set on a trace.")
    return rules.entity_name(key, "key", "key"), rules.tag_value(value, "value")


def require_deletable(key: str) -> None:
    """Raise InvalidParameter for a tag that nobody may delete."""
    if key in _IMMUTABLE - _DELETABLE:
        raise InvalidParameter("key", f"Tag '{key}' is immutable and cannot be deleted on a trace.")


def texts(found: Mapping[str, str] | None, field: str) -> dict[str, str]:
    """Return tags or metadata of a trace as its tracer gave them. Raises InvalidInput."""
    return {
        validate.text(key, f"{field} key", validate.MAX_KEY): validate.text(value, key, _LONGEST_TEXT)
        for key, value in (found or {}).items()
    }


def delete(
    store: Store, experiment_id: str, trace_ids: Sequence[str] | None, until: int | None, limit: int | None
) -> int:
    """Delete traces of an experiment with their files; returns how many there were."""
    deleted = 0
    with store.deciding():
        with reading(store, SPAN_TOPICS):
            doomed = traces.ids_to_delete(store.engine, experiment_id, trace_ids, until, limit)
            files = artifacts.paths_of(store.engine, doomed)
        for start in range(0, len(doomed), _AT_ONCE):
            part = doomed[start : start + _AT_ONCE]
            events: list[e.Body] = [e.TraceDeleted(trace_id) for trace_id in part]
            events += [e.ArtifactDeleted(one, path) for one in part for path in files.get(one, ())]
            store.producer.emit_and_wait(events)
            deleted += len(part)
    return deleted


def spans_content(store: Store, trace_id: str) -> bytes | None:
    """Return the file of a trace's spans, or None. The caller is within `reading` of SPAN_TOPICS."""
    try:
        file = artifacts.get(store.engine, trace_id, SPANS_FILE)
    except NotFound:
        return None
    return b"".join(store.blobs.open(file.sha256))
