"""Points of metrics on MLflow's face: whole and paged, of many runs, and thinned out for charts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from trackstream_api.barrier import reading
from trackstream_api.mlflow.current import DeskOf
from trackstream_api.mlflow.errors import SEE_DOCS, InvalidParameter, MissingParameter
from trackstream_api.mlflow.messages import (
    FromQuery,
    Int32,
    Message,
    Repeated,
    Required,
    RunIdMessage,
    present,
    reply,
)
from trackstream_api.queries.metric_history import (
    DistinctPoint,
    distinct_points,
    points_of_runs,
    sampled_points,
)
from trackstream_schemas import topics

router = APIRouter(prefix="/2.0/mlflow/metrics")

_TOPICS = (topics.METRICS,)
_MOST_RUNS = 100
_MOST_IN_BULK = 25_000
_MOST_SAMPLED = 2500


class GetHistoryMessage(RunIdMessage):
    metric_key: Required
    max_results: Int32 | None = None
    page_token: str | None = None


class BulkIntervalMessage(Message):
    run_ids: Repeated[str]
    metric_key: Required
    start_step: Int32 | None = None
    end_step: Int32 | None = None
    max_results: Int32 | None = None


@router.get("/get-history")
def get_history(
    desk: DeskOf, request: Annotated[GetHistoryMessage, FromQuery(GetHistoryMessage)]
) -> Response:
    """All points, or a page of `max_results`. None for a run or metric nobody has logged."""
    if request.max_results is not None and request.max_results <= 0:
        raise InvalidParameter(
            "max_results",
            f"Invalid value {request.max_results} for parameter 'max_results' supplied."
            " It must be a positive integer.",
        )
    with reading(desk.store, _TOPICS):
        points, following = distinct_points(
            desk.store.engine,
            request.run_id,
            request.metric_key,
            request.max_results,
            request.page_token or None,
        )
    metrics = [_metric(request.metric_key, point) for point in points]
    return reply(present(metrics=metrics, next_page_token=following))


@router.get("/get-history-bulk")
def get_history_bulk(
    desk: DeskOf,
    run_id: Annotated[list[str] | None, Query()] = None,
    metric_key: str | None = None,
    max_results: int = _MOST_IN_BULK,
) -> Response:
    """Points of one metric of up to 100 runs."""
    if not run_id:
        raise InvalidParameter("run_id", "GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_id) > _MOST_RUNS:
        raise InvalidParameter(
            "run_id",
            f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids."
            f" Received {len(run_id)} run_ids.",
        )
    if metric_key is None:
        raise InvalidParameter("metric_key", "GetMetricHistoryBulk request must specify a metric_key.")
    limit = max(0, min(max_results, _MOST_IN_BULK))
    with reading(desk.store, _TOPICS):
        points = points_of_runs(desk.store.engine, run_id, metric_key, limit)
    return reply({"metrics": [_metric_of_run(metric_key, point) for point in points]})


@router.get("/get-history-bulk-interval")
def get_history_bulk_interval(
    desk: DeskOf, request: Annotated[BulkIntervalMessage, FromQuery(BulkIntervalMessage)]
) -> Response:
    """At most `max_results` points of each run, evenly spread."""
    if not request.run_ids:
        raise MissingParameter("run_ids")
    if len(request.run_ids) > _MOST_RUNS:
        raise InvalidParameter(
            "run_ids",
            f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids."
            f" Received {len(request.run_ids)} run_ids.",
        )
    most = _MOST_SAMPLED if request.max_results is None else request.max_results
    if not 1 <= most <= _MOST_SAMPLED:
        message = f"max_results must be between 1 and {_MOST_SAMPLED}. {SEE_DOCS}"
        raise InvalidParameter("max_results", message)
    steps = _steps(request.start_step, request.end_step)
    with reading(desk.store, _TOPICS):
        points = sampled_points(
            desk.store.engine, list(dict.fromkeys(request.run_ids)), request.metric_key, most, steps
        )
    return reply(present(metrics=[_metric_of_run(request.metric_key, point) for point in points]))


def _steps(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidParameter(
            "start_step", "If either start step or end step are specified, both must be specified."
        )
    if start > end:
        raise InvalidParameter(
            "end_step",
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}.",
        )
    return start, end


def _metric(key: str, point: DistinctPoint) -> dict[str, Any]:
    return {"key": key, "value": point.value, "timestamp": point.timestamp, "step": point.step}


def _metric_of_run(key: str, point: DistinctPoint) -> dict[str, Any]:
    return {**_metric(key, point), "run_id": point.run_id}
