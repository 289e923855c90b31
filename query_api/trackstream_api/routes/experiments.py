"""Experiments: find, create, rename, delete, restore, tag."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from trackstream_api import commands
from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.experiments import (
    ActiveExperimentPage,
    CreateExperiment,
    Experiment,
    ExperimentPage,
    RenameExperiment,
)
from trackstream_api.models.runs import View
from trackstream_api.queries import experiments
from trackstream_api.queries.search import search_experiments
from trackstream_api.routes.parameters import AsOf, Consistency, ExperimentId, PageToken, StoreOf
from trackstream_api.search import ExperimentSearch
from trackstream_api.search.statement import STAGES
from trackstream_api.store import Store
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import InvalidInput

router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"])

_TOPICS = (topics.EXPERIMENTS,)
_PARTS = (parts.EXPERIMENTS,)


@router.get("", response_model=ExperimentPage | ActiveExperimentPage, summary="List or search experiments")
def find(
    store: StoreOf,
    name: Annotated[str | None, Query(description="Only the experiment of exactly this name")] = None,
    view: View = "active",
    filter: Annotated[str, Query(description="For example: name LIKE 'vision%' and tags.team = 'a'")] = "",
    order_by: Annotated[list[str] | None, Query(description="For example: name ASC; repeatable")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    page_token: PageToken = None,
    include: Annotated[
        list[Literal["activity"]] | None,
        Query(description="activity: with the number of runs and the time of the last one; repeatable"),
    ] = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """Answer with one page, each experiment whole."""
    if name is not None and (filter or page_token):
        raise InvalidInput("name", name, "no filter and no page_token beside it: it finds one experiment")
    read = (*_PARTS, parts.RUNS) if include else _PARTS
    with looking(store, read, consistency, as_of) as look:
        page: ExperimentPage | ActiveExperimentPage
        if name is not None:
            found = experiments.by_names(look.engine, [name], STAGES[view])
            page = ExperimentPage(experiments=found, next_page_token=None)
        else:
            search = ExperimentSearch(filter, tuple(order_by or ()), view, limit, page_token)
            page = search_experiments(look.engine, search)
        if include:
            page = ActiveExperimentPage.model_construct(
                experiments=experiments.with_activity(look.engine, page.experiments),
                next_page_token=page.next_page_token,
            )
        return Reply(page, headers=look.headers)


@router.post("", response_model=Experiment, status_code=201, summary="Create an experiment")
def create(store: StoreOf, request: CreateExperiment) -> Reply:
    """A name belongs to one experiment, deleted ones included: RESOURCE_ALREADY_EXISTS if it is taken."""
    name = validate.experiment_name(request.name, "name")
    with store.deciding():
        with reading(store, _TOPICS):
            bearers = experiments.by_names(store.engine, [name], experiments.LIVING)
            held = experiments.ids_held(store.engine, commands.candidate_ids(name))
        event = commands.create_experiment(request, bearers, held)
        store.producer.emit_and_wait([event])
    return _as_it_is_now(store, event.experiment_id, 201)


@router.get("/{experiment_id}", response_model=Experiment, summary="Get an experiment")
def get(
    store: StoreOf, experiment_id: ExperimentId, consistency: Consistency = "strong", as_of: AsOf = None
) -> Reply:
    """Active or deleted."""
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(experiments.get(look.engine, experiment_id), headers=look.headers)


@router.patch("/{experiment_id}", response_model=Experiment, summary="Rename an experiment")
def rename(store: StoreOf, experiment_id: ExperimentId, request: RenameExperiment) -> Reply:
    """The id stays. The default experiment keeps its name."""
    name = validate.experiment_name(request.name, "name")
    with store.deciding():
        with reading(store, _TOPICS):
            experiment = experiments.get(store.engine, experiment_id)
            bearers = experiments.by_names(store.engine, [name], experiments.LIVING)
        store.producer.emit_and_wait(commands.rename_experiment(experiment, name, bearers))
    return _as_it_is_now(store, experiment_id)


@router.delete("/{experiment_id}", response_model=Experiment, summary="Delete an experiment")
def delete(request: Request, store: StoreOf, experiment_id: ExperimentId) -> Reply:
    """It can be restored until garbage collection purges it. The default experiment cannot be deleted."""
    with store.deciding():
        event = commands.delete_experiment(_decided_on(store, experiment_id))
        store.producer.emit_and_wait([event])
    request.app.state.mlflow_desk.experiments.forget(experiment_id)
    return _as_it_is_now(store, experiment_id)


@router.post("/{experiment_id}/restore", response_model=Experiment, summary="Restore a deleted experiment")
def restore(store: StoreOf, experiment_id: ExperimentId) -> Reply:
    """Undo a deletion."""
    with store.deciding():
        event = commands.restore_experiment(_decided_on(store, experiment_id))
        store.producer.emit_and_wait([event])
    return _as_it_is_now(store, experiment_id)


@router.put("/{experiment_id}/tags", response_model=Experiment, summary="Set tags of an experiment")
def set_tags(store: StoreOf, experiment_id: ExperimentId, tags: dict[str, str]) -> Reply:
    """Other tags stay as they are."""
    events = commands.tag_experiment(_decided_on(store, experiment_id), tags)
    store.producer.emit_and_wait(events)
    return _as_it_is_now(store, experiment_id)


@router.delete("/{experiment_id}/tags/{key:path}", response_model=Experiment, summary="Remove a tag")
def remove_tag(store: StoreOf, experiment_id: ExperimentId, key: str) -> Reply:
    """A tag that is not set is no error."""
    events = commands.untag_experiment(_decided_on(store, experiment_id), key)
    store.producer.emit_and_wait(events)
    return _as_it_is_now(store, experiment_id)


def _decided_on(store: Store, experiment_id: str) -> Experiment:
    with reading(store, _TOPICS):
        return experiments.get(store.engine, experiment_id)


def _as_it_is_now(store: Store, experiment_id: str, status: int = 200) -> Reply:
    with reading(store, _TOPICS) as headers:
        return Reply(experiments.get(store.engine, experiment_id), status, headers)
