"""Traces by id; they are made and searched through MLflow's face."""

from typing import Annotated

from fastapi import APIRouter, Path

from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.traces import Trace
from trackstream_api.queries import traces
from trackstream_api.routes.parameters import Consistency, StoreOf
from trackstream_schemas import topics

router = APIRouter(prefix="/api/v1/traces", tags=["traces"])


@router.get("/{trace_id}", response_model=Trace, summary="Get a trace")
def get(
    store: StoreOf,
    trace_id: Annotated[str, Path(description="The trace's id")],
    consistency: Consistency = "strong",
) -> Reply:
    """With its assessments, without its spans: these are the artifact traces.json of the trace."""
    with reading(store, (topics.TRACES,), consistency) as headers:
        return Reply(traces.get(store.engine, trace_id), headers=headers)
