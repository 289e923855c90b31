"""Metric points: summaries, raw pages, downsampled series."""

from typing import Annotated

from fastapi import APIRouter, Query

from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.metrics import MetricSummaries, PointPage, SeriesReply, SeriesRequest
from trackstream_api.queries import metrics, runs
from trackstream_api.routes.parameters import Consistency, PageToken, RunId, StoreOf
from trackstream_schemas import topics, validate

router = APIRouter(prefix="/api/v1", tags=["metrics"])

_TOPICS = (topics.RUNS, topics.METRICS)


@router.get("/runs/{run_id}/metrics", response_model=MetricSummaries, summary="Metrics of a run, summed up")
def summaries(store: StoreOf, run_id: RunId, consistency: Consistency = "strong") -> Reply:
    """For each key: how many points, over what steps, least, greatest and latest value."""
    with reading(store, _TOPICS, consistency) as headers:
        found = metrics.summaries(store.engine, run_id)
        if not found.metrics:
            runs.stage_of(store.engine, run_id)
        return Reply(found, headers=headers)


@router.get("/runs/{run_id}/metric-history", response_model=PointPage, summary="Every point of a metric")
def history(
    store: StoreOf,
    run_id: RunId,
    key: Annotated[str, Query(description="Metric name")],
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
    page_token: PageToken = None,
    consistency: Consistency = "strong",
) -> Reply:
    """Bit for bit, ordered by (step, timestamp, producer, sequence, index)."""
    key = validate.key(key, "key")
    with reading(store, _TOPICS, consistency) as headers:
        page = metrics.history(store.engine, run_id, key, limit, page_token)
        if not page.points:
            runs.stage_of(store.engine, run_id)
        return Reply(page, headers=headers)


@router.post("/metrics/series", response_model=SeriesReply, summary="Curves, downsampled")
def series(store: StoreOf, request: SeriesRequest, consistency: Consistency = "strong") -> Reply:
    """Cut each curve into at most `buckets` stretches of equal width and sum each up."""
    for run_id in request.run_ids:
        validate.run_id(run_id, "run_ids")
    for key in request.keys:
        validate.key(key, "keys")
    with reading(store, _TOPICS, consistency) as headers:
        return Reply(metrics.series(store.engine, request), headers=headers)
