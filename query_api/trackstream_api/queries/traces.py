"""Traces by id and by search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.models.traces import AssessmentEntry, Trace, TracePage
from trackstream_api.queries.execution import select
from trackstream_api.search.compile_traces import TraceSearch, search_traces_statement
from trackstream_api.search.page_token import page
from trackstream_schemas import events as e
from trackstream_schemas.errors import InvalidInput, NotFound, TrackstreamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_consumers.engine import Engine

_NAMES = (
    "trace_id", "experiment_id", "request_time", "state", "execution_duration", "client_request_id",
    "request_preview", "response_preview", "metadata", "tags", "assessments", "run_ids", "prompts",
)  # fmt: skip
_TRACES = f"""
    SELECT {", ".join(_NAMES)} FROM traces FINAL
    WHERE trace_id IN {{ids:Array(String)}} AND state != 'UNLOGGED' AND lifecycle_stage = 'active'
"""


def by_ids(engine: Engine, trace_ids: Sequence[str]) -> list[Trace]:
    """Return the traces with these ids in the order of the ids; ids that are not there are left out."""
    if not trace_ids:
        return []
    rows = {row[0]: row for row in select(engine, _TRACES, {"ids": list(trace_ids)})}
    return [_trace(rows[trace_id]) for trace_id in trace_ids if trace_id in rows]


def get(engine: Engine, trace_id: str) -> Trace:
    """Return one trace. Raises NotFound."""
    found = by_ids(engine, [trace_id])
    if not found:
        raise NotFound(f"Trace with ID '{trace_id}' not found.")
    return found[0]


def search(engine: Engine, request: TraceSearch) -> TracePage:
    """Return a page of traces. Raises InvalidInput for a regular expression that the engine does not know."""
    statement = search_traces_statement(request)
    try:
        rows = select(engine, statement.sql, statement.parameters)
    except TrackstreamError as error:
        # The engine's expressions are RE2: Python's without lookaround and references.
        if "cannot compile re2" in str(error):
            raise InvalidInput("filter", request.filter, "an RLIKE that RE2 can match") from error
        raise
    found = page(statement, rows)
    return TracePage.model_construct(traces=by_ids(engine, found.ids), next_page_token=found.next_page_token)


def ids_to_delete(
    engine: Engine, experiment_id: str, trace_ids: Sequence[str] | None, until: int | None, limit: int | None
) -> list[str]:
    """Return the ids of an experiment's traces: of those named, those begun up to `until`; oldest first."""
    sql = """
        SELECT trace_id FROM traces FINAL
        WHERE experiment_id = {experiment:String} AND state != 'UNLOGGED' AND lifecycle_stage = 'active'
            AND ({named:UInt8} = 0 OR trace_id IN {ids:Array(String)})
            AND ({bounded:UInt8} = 0 OR request_time <= {until:Int64})
        ORDER BY request_time, trace_id LIMIT {limit:UInt64}
    """
    parameters = {
        "experiment": experiment_id,
        "named": int(trace_ids is not None),
        "ids": list(trace_ids or ()),
        "bounded": int(until is not None),
        "until": until or 0,
        "limit": 2**63 if limit is None else limit,
    }
    return [row[0] for row in select(engine, sql, parameters)]


def assessments_of(text: str) -> list[AssessmentEntry]:
    """Return the assessments that a row of `traces` holds."""
    found = [e.Assessment(**item) for item in json.loads(text or "[]")]
    overridden = {item.overrides for item in found}
    return [assessment_entry(item, item.assessment_id not in overridden) for item in found]


def assessment_entry(item: e.Assessment, valid: bool) -> AssessmentEntry:
    """Return an assessment as readers see it."""
    return AssessmentEntry(
        assessment_id=item.assessment_id,
        name=item.name,
        kind=item.kind,
        value=_loaded(item.value),
        error=_loaded(item.error) if item.error else None,
        source_type=item.source_type,
        source_id=item.source_id,
        created_at=item.created_at,
        updated_at=item.updated_at,
        rationale=item.rationale,
        run_id=item.run_id,
        span_id=item.span_id,
        overrides=item.overrides,
        metadata=item.metadata,
        valid=valid,
    )


def _loaded(text: str) -> Any:
    """Return what JSON text holds; other text, which a producer of its own kind may log, as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _trace(row: Sequence[Any]) -> Trace:
    values = dict(zip(_NAMES, row, strict=True))
    values["assessments"] = assessments_of(values["assessments"])
    return Trace.model_construct(**values)
