"""Metric points: summaries, raw pages, downsampled series."""

from typing import Annotated

from fastapi import APIRouter, Query

from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.models.base import Reply
from trackstream_api.models.metrics import (
    BranchList,
    MetricSummaries,
    PointPage,
    SeriesReply,
    SeriesRequest,
    StepPage,
)
from trackstream_api.queries import branches, metrics, runs
from trackstream_api.queries import series as curves
from trackstream_api.routes.parameters import AsOf, Consistency, PageToken, RunId, StoreOf
from trackstream_schemas import validate

router = APIRouter(prefix="/api/v1", tags=["metrics"])

_PARTS = (parts.RUNS, parts.POINTS)
_PARTS_OF_CURVES = (parts.RUNS, parts.LATEST)

Key = Annotated[str, Query(description="Metric name")]
BranchNumber = Annotated[
    int | None, Query(ge=0, description="Of a run that was rewound: this branch (default: the newest)")
]


@router.get("/runs/{run_id}/metrics", response_model=MetricSummaries, summary="Metrics of a run, summed up")
def summaries(
    store: StoreOf,
    run_id: RunId,
    branch: BranchNumber = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """For each key: how many points, over what steps, least, greatest and latest value."""
    with looking(store, _PARTS, consistency, as_of) as look:
        found = metrics.summaries(look.engine, run_id, branch)
        if not found.metrics:
            runs.stage_of(look.engine, run_id)
        return Reply(found, headers=look.headers)


@router.get("/runs/{run_id}/metric-history", response_model=PointPage, summary="Every point of a metric")
def history(
    store: StoreOf,
    run_id: RunId,
    key: Key,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
    page_token: PageToken = None,
    writer: Annotated[str | None, Query(description="Only points of this writer")] = None,
    branch: BranchNumber = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """Bit for bit, ordered by (step, timestamp, producer, sequence, index)."""
    key = validate.key(key, "key")
    with looking(store, _PARTS, consistency, as_of) as look:
        page = metrics.history(look.engine, run_id, key, limit, page_token, writer, branch)
        if not page.points:
            runs.stage_of(look.engine, run_id)
        return Reply(page, headers=look.headers)


@router.get("/runs/{run_id}/metric-steps", response_model=StepPage, summary="A metric, merged by step")
def steps(
    store: StoreOf,
    run_id: RunId,
    key: Key,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
    page_token: PageToken = None,
    branch: BranchNumber = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """All writers' points of a step in one: mean, least, greatest and last value."""
    key = validate.key(key, "key")
    with looking(store, _PARTS, consistency, as_of) as look:
        page = metrics.steps(look.engine, run_id, key, limit, page_token, branch)
        if not page.steps:
            runs.stage_of(look.engine, run_id)
        return Reply(page, headers=look.headers)


@router.get("/runs/{run_id}/branches", response_model=BranchList, summary="Branches of a run")
def branch_list(
    store: StoreOf, run_id: RunId, consistency: Consistency = "strong", as_of: AsOf = None
) -> Reply:
    """Branch 0, and one for each time that the run was rewound. The last one is what is shown."""
    with looking(store, _PARTS, consistency, as_of) as look:
        runs.stage_of(look.engine, run_id)
        return Reply(branches.listed(look.engine, run_id), headers=look.headers)


@router.post("/metrics/series", response_model=SeriesReply, summary="Curves, downsampled")
def series(store: StoreOf, request: SeriesRequest, consistency: Consistency = "strong") -> Reply:
    """Cut each curve into at most `buckets` stretches of x and sum each up."""
    for run_id in request.run_ids:
        validate.run_id(run_id, "run_ids")
    for key in request.keys:
        validate.key(key, "keys")
    with looking(store, _PARTS_OF_CURVES, consistency, request.as_of) as look:
        return Reply(curves.series(look.engine, request), headers=look.headers)
