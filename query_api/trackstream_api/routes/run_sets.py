"""Many runs at once: count, group, name their keys, export as CSV; tag, delete and restore a selection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from trackstream_api import commands
from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import AS_OF_HEADER, Look, looking
from trackstream_api.as_of.parts import parts_of_search
from trackstream_api.barrier import LAG_HEADER, reading
from trackstream_api.models.base import Reply
from trackstream_api.models.run_sets import (
    CountRuns,
    GroupRuns,
    KeysOfRuns,
    RunCount,
    RunGroups,
    RunKeys,
    RunsChanged,
    SomeRuns,
    TagRuns,
)
from trackstream_api.models.runs import View
from trackstream_api.queries import run_sets, runs
from trackstream_api.queries.run_table import checked_columns, csv_text, ids_in_order
from trackstream_api.routes.parameters import AsOf, Consistency, StoreOf
from trackstream_api.search import RunSearch
from trackstream_api.search.compile_runs import COMPLETENESS_TAG
from trackstream_api.store import Store
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput, NotFound

router = APIRouter(prefix="/api/v1", tags=["runs"])

_TOPICS = (topics.EXPERIMENTS, topics.RUNS, topics.METRICS)
_COLUMNS = ["run_id", "run_name", "experiment_name", "status", "start_time", "end_time"]
_AT_ONCE = 500
"""Runs that are read together for a table."""


@router.post("/runs/count", response_model=RunCount, summary="Count runs")
def count(store: StoreOf, request: CountRuns, consistency: Consistency = "strong") -> Reply:
    """Count what a search with the same filter would find."""
    with _looking(store, request.filter, (), consistency, request.as_of) as look:
        return Reply(run_sets.count(look.engine, request), headers=look.headers)


@router.post("/runs/groups", response_model=RunGroups, summary="Group runs by a param or a tag")
def groups(store: StoreOf, request: GroupRuns, consistency: Consistency = "strong") -> Reply:
    """Sum up each group: how many runs, the best and the mean latest value of a metric (NaN is left out)."""
    with _looking(store, request.filter, [request.by], consistency, request.as_of) as look:
        return Reply(run_sets.groups(look.engine, request), headers=look.headers)


@router.post("/runs/keys", response_model=RunKeys, summary="Which params, metrics and tags runs have")
def keys(store: StoreOf, request: KeysOfRuns, consistency: Consistency = "eventual") -> Reply:
    """Of all runs, or of the newest 1,000 of some experiments. For completion: it answers at once."""
    read = (*parts_of_search(), parts.PARAMS, parts.TAGS)
    with looking(store, read, consistency, request.as_of) as look:
        return Reply(run_sets.keys(look.engine, request.experiment_ids), headers=look.headers)


@router.get(
    "/runs.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "A header line, then a line a run"}},
    summary="Runs as CSV",
)
def table(
    store: StoreOf,
    experiment_id: Annotated[list[str] | None, Query(description="Only runs of these; repeatable")] = None,
    filter: Annotated[str, Query(description="MLflow's grammar")] = "",
    order_by: Annotated[list[str] | None, Query(description="As in a search; repeatable")] = None,
    view: View = "active",
    column: Annotated[
        list[str] | None,
        Query(
            description="In this order: run_id, run_name, experiment_id, experiment_name, status, user_id,"
            " lifecycle_stage, start_time, end_time, duration, params.KEY, metrics.KEY, tags.KEY"
        ),
    ] = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> StreamingResponse:
    """All runs that match, in order, as they come. Which runs is settled first; their values are read as it
    goes. Milliseconds for times, all digits for numbers, nothing for what a run does not have."""
    columns = checked_columns(column or _COLUMNS)
    search = RunSearch(
        None if experiment_id is None else tuple(experiment_id), filter, tuple(order_by or ()), view
    )
    with _looking(store, filter, search.order_by, consistency, as_of) as look:
        run_ids = ids_in_order(look.engine, search)
        moment = look.headers.get(AS_OF_HEADER)
    told = {"Content-Disposition": 'attachment; filename="runs.csv"', LAG_HEADER: look.headers[LAG_HEADER]}
    if moment is not None:
        told[AS_OF_HEADER] = moment
    return StreamingResponse(_lines(store, columns, run_ids, moment), media_type="text/csv", headers=told)


@contextmanager
def _looking(
    store: Store, filter_: str, terms: Sequence[str], consistency: str, as_of: str | None
) -> Iterator[Look]:
    """Look at what a search with this filter and these keys reads."""
    if COMPLETENESS_TAG not in filter_:
        with looking(store, parts_of_search(filter_, *terms), consistency, as_of) as look:
            yield look
        return
    if as_of is not None:
        raise InvalidInput("filter", filter_, f"no condition on tags.{COMPLETENESS_TAG} beside as_of")
    with reading(store, {*_TOPICS, topics.ARTIFACTS}, consistency) as headers:
        yield Look(store.engine, headers)


def _lines(store: Store, columns: Sequence[str], run_ids: Sequence[str], moment: str | None) -> Iterator[str]:
    """Read some runs after the other: the tables are not held still for as long as a client takes."""
    yield csv_text(columns, None)
    for begin in range(0, len(run_ids), _AT_ONCE):
        with looking(store, parts_of_search(), "eventual", moment) as look:
            found = runs.by_ids(look.engine, run_ids[begin : begin + _AT_ONCE])
        yield csv_text(columns, found)


@router.post("/runs/delete", response_model=RunsChanged, summary="Delete some runs")
def delete(request: Request, store: StoreOf, wanted: SomeRuns) -> Reply:
    """Runs that are deleted already stay so. An id that no run has refuses all."""
    with store.deciding():
        stages = _stages(store, wanted.run_ids)
        events = commands.delete_runs(stages)
        store.producer.emit_and_wait(events)
    for event in events:
        request.app.state.mlflow_desk.runs.forget(event.run_id)
    return _changed(store, stages, [event.run_id for event in events])


@router.post("/runs/restore", response_model=RunsChanged, summary="Restore some runs")
def restore(store: StoreOf, wanted: SomeRuns) -> Reply:
    """Runs that are not deleted stay so. An id that no run has refuses all."""
    with store.deciding():
        stages = _stages(store, wanted.run_ids)
        events = commands.restore_runs(stages)
        store.producer.emit_and_wait(events)
    return _changed(store, stages, [event.run_id for event in events])


@router.post("/runs/tags", response_model=RunsChanged, summary="Set tags of some runs")
def set_tags(store: StoreOf, wanted: TagRuns) -> Reply:
    """Other tags stay as they are. A deleted run among them, or an id that no run has, refuses all."""
    stages = _stages(store, wanted.run_ids)
    events = commands.tag_runs(stages, wanted.tags)
    store.producer.emit_and_wait(events)
    return _changed(store, stages, [event.run_id for event in events])


def _stages(store: Store, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the lifecycle stages of runs, all of which are there."""
    with reading(store, _TOPICS):
        stages = run_sets.stages_of(store.engine, run_ids)
    missing = [run_id for run_id in run_ids if run_id not in stages]
    if missing:
        raise NotFound(f"no run with id {missing[0]!r}")
    return {run_id: stages[run_id] for run_id in run_ids}


def _changed(store: Store, asked: dict[str, str], changed: list[str]) -> Reply:
    # Waits, so that who reads next sees it whatever consistency is asked for.
    with reading(store, _TOPICS) as headers:
        unchanged = [run_id for run_id in asked if run_id not in set(changed)]
        return Reply(RunsChanged(changed=changed, unchanged=unchanged), headers=headers)
