"""Experiments on MLflow's face."""

from typing import Annotated

from fastapi import APIRouter, Response

from trackstream_api import commands
from trackstream_api.barrier import reading
from trackstream_api.mlflow import rules
from trackstream_api.mlflow.current import (
    EXPERIMENT_TOPICS,
    RUN_TOPICS,
    Desk,
    DeskOf,
    experiment_now,
    projected_experiment,
    require_active_experiment,
)
from trackstream_api.mlflow.entities import experiment_message
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    Required,
    empty_reply,
    present,
    reply,
)
from trackstream_api.mlflow.views import ViewType
from trackstream_api.models.experiments import CreateExperiment, Experiment
from trackstream_api.queries import experiments, runs
from trackstream_api.queries.search import search_experiments
from trackstream_api.search import ExperimentSearch
from trackstream_schemas import events as e
from trackstream_schemas.errors import AlreadyExists, NotFound

router = APIRouter(prefix="/2.0/mlflow/experiments")


class TagMessage(Message):
    key: Required
    value: str = ""


class CreateExperimentMessage(Message):
    name: Required
    artifact_location: str | None = None
    tags: Repeated[TagMessage]


class ExperimentIdMessage(Message):
    experiment_id: Required


class GetByNameMessage(Message):
    experiment_name: Required


class UpdateExperimentMessage(Message):
    experiment_id: Required
    new_name: Required


class SetTagMessage(Message):
    experiment_id: Required
    key: Required
    value: str | None = None


class DeleteTagMessage(Message):
    experiment_id: Required
    key: Required


class SearchMessage(Message):
    max_results: Int64 | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: Repeated[str]
    view_type: ViewType | None = None


@router.post("/create")
def create(
    desk: DeskOf, request: Annotated[CreateExperimentMessage, FromBody(CreateExperimentMessage)]
) -> Response:
    """A name belongs to one experiment, deleted ones included."""
    name = rules.experiment_name(request.name)
    location = request.artifact_location or None
    if location is not None and len(location) > rules.MAX_ARTIFACT_LOCATION:
        raise InvalidParameter(
            "artifact_location",
            "Invalid artifact path length. The length of the artifact path cannot be greater than"
            f" {rules.MAX_ARTIFACT_LOCATION} characters.",
        )
    tags = dict(rules.experiment_tag(tag.key, tag.value) for tag in request.tags)
    store = desk.store
    with store.deciding():
        with reading(store, EXPERIMENT_TOPICS):
            bearers = experiments.by_names(store.engine, [name], experiments.LIVING)
            held = experiments.ids_held(store.engine, commands.candidate_ids(name))
        if bearers:
            state = "" if bearers[0].lifecycle_stage == "active" else " in deleted state"
            raise AlreadyExists(f"Experiment(name={name}) already exists{state}.")
        wanted = CreateExperiment(name=name, artifact_location=location, tags=tags)
        event = commands.create_experiment(wanted, bearers, held)
        store.producer.emit_and_wait([event])
    return reply({"experiment_id": event.experiment_id})


@router.get("/get")
def get(desk: DeskOf, request: Annotated[ExperimentIdMessage, FromQuery(ExperimentIdMessage)]) -> Response:
    """Active or deleted."""
    return _answer(desk, experiment_now(desk.store, request.experiment_id))


@router.get("/get-by-name")
def get_by_name(desk: DeskOf, request: Annotated[GetByNameMessage, FromQuery(GetByNameMessage)]) -> Response:
    """Active or deleted."""
    store = desk.store
    with reading(store, EXPERIMENT_TOPICS):
        found = experiments.by_names(store.engine, [request.experiment_name], experiments.LIVING)
    if not found:
        raise NotFound(f"Could not find experiment with name '{request.experiment_name}'")
    return _answer(desk, found[0])


def _answer(desk: Desk, experiment: Experiment) -> Response:
    if experiment.lifecycle_stage == "active":
        # Runs are likely to be made in it next.
        desk.experiments.add(experiment.experiment_id, experiment)
    return reply({"experiment": experiment_message(experiment)})


@router.get("/search")
def search(desk: DeskOf, request: Annotated[SearchMessage, FromQuery(SearchMessage)]) -> Response:
    """One page."""
    return _search(desk, request)


@router.post("/search")
def search_by_post(desk: DeskOf, request: Annotated[SearchMessage, FromBody(SearchMessage)]) -> Response:
    """One page."""
    return _search(desk, request)


def _search(desk: Desk, request: SearchMessage) -> Response:
    limit = 1000 if request.max_results is None else rules.results(request.max_results)
    wanted = ExperimentSearch(
        request.filter or "",
        tuple(request.order_by),
        request.view_type or "active",
        limit,
        request.page_token or None,
    )
    with reading(desk.store, EXPERIMENT_TOPICS):
        page = search_experiments(desk.store.engine, wanted)
    found = [experiment_message(experiment) for experiment in page.experiments]
    return reply(present(experiments=found, next_page_token=page.next_page_token))


@router.post("/update")
def update(
    desk: DeskOf, request: Annotated[UpdateExperimentMessage, FromBody(UpdateExperimentMessage)]
) -> Response:
    """Rename."""
    name = rules.experiment_name(request.new_name)
    store = desk.store
    with store.deciding():
        experiment = experiment_now(store, request.experiment_id)
        with store.gate.reading():
            bearers = experiments.by_names(store.engine, [name], experiments.LIVING)
        store.producer.emit_and_wait(commands.rename_experiment(experiment, name, bearers))
    desk.experiments.forget(request.experiment_id)
    return empty_reply()


@router.post("/delete")
def delete(desk: DeskOf, request: Annotated[ExperimentIdMessage, FromBody(ExperimentIdMessage)]) -> Response:
    """Its active runs are deleted with it."""
    store = desk.store
    with store.deciding():
        experiment, run_ids = _with_runs(desk, request.experiment_id, "active")
        events: list[e.Body] = [commands.delete_experiment(experiment)]
        events += [e.RunDeleted(run_id) for run_id in run_ids]
        store.producer.emit_and_wait(events)
    desk.experiments.forget(request.experiment_id)
    for run_id in run_ids:
        desk.runs.forget(run_id)
    return empty_reply()


@router.post("/restore")
def restore(desk: DeskOf, request: Annotated[ExperimentIdMessage, FromBody(ExperimentIdMessage)]) -> Response:
    """Its deleted runs are restored with it."""
    store = desk.store
    with store.deciding():
        experiment, run_ids = _with_runs(desk, request.experiment_id, "deleted")
        events: list[e.Body] = [commands.restore_experiment(experiment)]
        events += [e.RunRestored(run_id) for run_id in run_ids]
        store.producer.emit_and_wait(events)
    return empty_reply()


def _with_runs(desk: Desk, experiment_id: str, stage: str) -> tuple[Experiment, list[str]]:
    """Return an experiment in this stage, and its runs in it. MLflow does not see one in another stage."""
    with reading(desk.store, RUN_TOPICS):
        experiment = projected_experiment(desk.store, experiment_id)
        if experiment.lifecycle_stage != stage:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        return experiment, runs.ids_in(desk.store.engine, experiment_id, stage)


@router.post("/set-experiment-tag")
def set_tag(desk: DeskOf, request: Annotated[SetTagMessage, FromBody(SetTagMessage)]) -> Response:
    """One tag."""
    key, value = rules.experiment_tag(request.key, request.value or "")
    experiment = experiment_now(desk.store, request.experiment_id)
    require_active_experiment(experiment)
    desk.store.producer.emit_and_wait(commands.tag_experiment(experiment, {key: value}))
    return empty_reply()


@router.post("/delete-experiment-tag")
def delete_tag(desk: DeskOf, request: Annotated[DeleteTagMessage, FromBody(DeleteTagMessage)]) -> Response:
    """One tag, which must be there."""
    experiment = experiment_now(desk.store, request.experiment_id)
    require_active_experiment(experiment)
    if request.key not in experiment.tags:
        raise NotFound(f"No tag with name: {request.key} in experiment with id {request.experiment_id}")
    desk.store.producer.emit_and_wait([e.ExperimentTagsDeleted(request.experiment_id, [request.key])])
    return empty_reply()
