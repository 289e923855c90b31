"""Runs: search, best, get, rename, delete, restore, tag."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from trackstream_api import commands
from trackstream_api.as_of.looking import looking
from trackstream_api.as_of.parts import parts_of_search
from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.completeness import Completeness
from trackstream_api.models.runs import BestRuns, ChangeRun, Run, RunList, RunPage, SearchRuns
from trackstream_api.queries import completeness, runs
from trackstream_api.queries.search import best_runs, search_runs
from trackstream_api.routes.parameters import AsOf, Consistency, RunId, StoreOf
from trackstream_api.search.compile_runs import COMPLETENESS_TAG
from trackstream_api.store import Store
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

_TOPICS = (topics.EXPERIMENTS, topics.RUNS, topics.METRICS)
_SENT_ON = (topics.RUNS, topics.METRICS, topics.ARTIFACTS)
"""What writers of a run count."""
_NOT_KEPT = "of what a writer has reported only the newest is kept"


@router.post("/search", response_model=RunPage, summary="Search runs")
def search(store: StoreOf, request: SearchRuns, consistency: Consistency = "strong") -> Reply:
    """Answer with one page, each run whole. Values that a run does not have sort last, either way."""
    if COMPLETENESS_TAG in request.filter:
        _refuse_completeness(request)
        # What is complete can only be told where what was sent to every topic has arrived.
        with reading(store, {*_TOPICS, *_SENT_ON}, consistency) as headers:
            return Reply(search_runs(store.engine, request), headers=headers)
    read = parts_of_search(request.filter, *request.order_by)
    with looking(store, read, consistency, request.as_of) as look:
        return Reply(search_runs(look.engine, request), headers=look.headers)


@router.post("/best", response_model=RunList, summary="The best runs by a metric")
def best(store: StoreOf, request: BestRuns, consistency: Consistency = "strong") -> Reply:
    """Rank the runs that have the metric by its latest value; NaN never wins."""
    _refuse_completeness(request)
    with looking(store, parts_of_search(request.filter), consistency, request.as_of) as look:
        return Reply(best_runs(look.engine, request), headers=look.headers)


@router.get("/{run_id}", response_model=Run, summary="Get a run")
def get(store: StoreOf, run_id: RunId, consistency: Consistency = "strong", as_of: AsOf = None) -> Reply:
    """Active or deleted, with the latest value of each metric."""
    with looking(store, parts_of_search(), consistency, as_of) as look:
        return Reply(runs.get(look.engine, run_id), headers=look.headers)


@router.get("/{run_id}/completeness", response_model=Completeness, summary="Whether all of a run is here")
def completeness_of(
    store: StoreOf, run_id: RunId, consistency: Consistency = "strong", as_of: AsOf = None
) -> Reply:
    """What each writer says that it sent, against what of it is projected. Only as it is now."""
    if as_of is not None:
        raise InvalidInput("as_of", as_of, f"none for completeness: {_NOT_KEPT}")
    with reading(store, _SENT_ON, consistency) as headers:
        runs.stage_of(store.engine, run_id)
        # Before the tables are read: what comes in meanwhile must not pass for missing.
        behind = sum(at.end - at.next_offset for at in store.positions() if at.topic in _SENT_ON)
        return Reply(completeness.of_run(store.engine, run_id, behind), headers=headers)


@router.patch("/{run_id}", response_model=Run, summary="Rename a run")
def change(store: StoreOf, run_id: RunId, request: ChangeRun) -> Reply:
    """The id stays; other runs may have the same name."""
    if request.name is not None:
        store.producer.emit_and_wait(commands.rename_run(_decided_on(store, run_id), request.name))
    return _as_it_is_now(store, run_id)


@router.delete("/{run_id}", response_model=Run, summary="Delete a run")
def delete(request: Request, store: StoreOf, run_id: RunId) -> Reply:
    """It can be restored until garbage collection purges it."""
    with store.deciding():
        event = commands.delete_run(_decided_on(store, run_id))
        store.producer.emit_and_wait([event])
    request.app.state.mlflow_desk.runs.forget(run_id)
    return _as_it_is_now(store, run_id)


@router.post("/{run_id}/restore", response_model=Run, summary="Restore a deleted run")
def restore(store: StoreOf, run_id: RunId) -> Reply:
    """Undo a deletion."""
    with store.deciding():
        event = commands.restore_run(_decided_on(store, run_id))
        store.producer.emit_and_wait([event])
    return _as_it_is_now(store, run_id)


@router.put("/{run_id}/tags", response_model=Run, summary="Set tags of a run")
def set_tags(store: StoreOf, run_id: RunId, tags: dict[str, str]) -> Reply:
    """Other tags stay as they are."""
    events = commands.tag_run(_decided_on(store, run_id), tags)
    store.producer.emit_and_wait(events)
    return _as_it_is_now(store, run_id)


@router.delete("/{run_id}/tags/{key:path}", response_model=Run, summary="Remove a tag of a run")
def delete_tag(
    store: StoreOf, run_id: RunId, key: Annotated[str, Path(description="Name of the tag")]
) -> Reply:
    """A tag that is not set is no error."""
    store.producer.emit_and_wait(commands.untag_run(_decided_on(store, run_id), key))
    return _as_it_is_now(store, run_id)


def _refuse_completeness(request: SearchRuns | BestRuns) -> None:
    if request.as_of is not None and COMPLETENESS_TAG in request.filter:
        right = f"no condition on tags.{COMPLETENESS_TAG} beside as_of: {_NOT_KEPT}"
        raise InvalidInput("filter", request.filter, right)


def _decided_on(store: Store, run_id: str) -> Run:
    with reading(store, _TOPICS):
        return runs.get(store.engine, run_id)


def _as_it_is_now(store: Store, run_id: str) -> Reply:
    with reading(store, _TOPICS) as headers:
        return Reply(runs.get(store.engine, run_id), headers=headers)
