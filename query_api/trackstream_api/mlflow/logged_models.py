"""Logged models on MLflow's face, and the models that runs make."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from trackstream.run_names import random_run_name
from trackstream_api.barrier import reading
from trackstream_api.mlflow import artifact_requests
from trackstream_api.mlflow.artifact_places import model_root, place_of_uri
from trackstream_api.mlflow.current import Desk, DeskOf, active_run, location_of
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.logged_model_messages import Status, logged_model_message
from trackstream_api.mlflow.messages import (
    EntryMessage,
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    Required,
    RunIdMessage,
    empty_reply,
    present,
    reply,
)
from trackstream_api.models.logged_models import LoggedModel
from trackstream_api.queries import logged_models
from trackstream_api.search.compile_logged_models import LoggedModelOrder, LoggedModelSearch, MeasuredOn
from trackstream_schemas import events as e
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import NotFound
from trackstream_schemas.ids import new_id

router = APIRouter(prefix="/2.0/mlflow")

_TOPICS = (topics.LOGGED_MODELS,)
_LONGEST_KEY = 255
_LONGEST_VALUE = 65_535
_LONGEST_NAME = 500
_NOT_IN_NAMES = ("/", ":", ".", "%", '"', "'")
_MOST_RESULTS = 50_000


class CreateMessage(Message):
    experiment_id: Required
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: Repeated[EntryMessage]
    tags: Repeated[EntryMessage]


class FinalizeMessage(Message):
    status: Status


class TagsMessage(Message):
    tags: Repeated[EntryMessage]


class ParamsMessage(Message):
    params: Repeated[EntryMessage]


class DatasetMessage(Message):
    dataset_name: str = ""
    dataset_digest: str | None = None


class OrderMessage(Message):
    field_name: Required
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchMessage(Message):
    experiment_ids: Repeated[str]
    filter: str | None = None
    datasets: Repeated[DatasetMessage]
    max_results: Int64 | None = None
    order_by: Repeated[OrderMessage]
    page_token: str | None = None


class GetMessage(Message):
    allow_deleted: bool = False


class DirectoriesMessage(Message):
    artifact_directory_path: str | None = None
    page_token: str | None = None


class ModelOutputMessage(Message):
    model_id: Required
    step: Int64 | None = None


class OutputsMessage(RunIdMessage):
    models: Repeated[ModelOutputMessage]


ModelId = Annotated[str, Path(description="The model's id")]


@router.post("/logged-models")
def create(desk: DeskOf, request: Annotated[CreateMessage, FromBody(CreateMessage)]) -> Response:
    """The id is made here; the experiment must be active."""
    experiment = desk.experiments.get(request.experiment_id)
    model_id = f"m-{new_id()}"
    created = e.LoggedModelCreated(
        model_id,
        experiment.experiment_id,
        _name(request.name),
        validate.run_id(request.source_run_id, "source_run_id") if request.source_run_id else None,
        validate.text(request.model_type, "model_type", _LONGEST_NAME) if request.model_type else None,
        _entries(request.params, "params"),
        _entries(request.tags, "tags"),
    )
    desk.store.producer.emit_and_wait([created])
    return _as_it_is_now(desk, model_id)


def _name(name: str | None) -> str:
    if not name:
        return random_run_name()
    if any(character in name for character in _NOT_IN_NAMES):
        raise InvalidParameter(
            "name",
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot"
            f" contain the following characters: {_NOT_IN_NAMES}",
        )
    return validate.text(name, "name", _LONGEST_NAME)


def _entries(found: list[EntryMessage], field: str) -> dict[str, str]:
    return {
        validate.text(item.key, f"{field}[{index}].key", _LONGEST_KEY): validate.text(
            item.value, f"{field}[{index}].value", _LONGEST_VALUE
        )
        for index, item in enumerate(found)
    }


@router.post("/logged-models/search")
def search(desk: DeskOf, request: Annotated[SearchMessage, FromBody(SearchMessage)]) -> Response:
    """One page of active models. Values that a model does not have sort last, either way."""
    if not request.experiment_ids:
        raise InvalidParameter(
            "experiment_ids", "SearchLoggedModels request must specify at least one experiment_id."
        )
    if not all(dataset.dataset_name for dataset in request.datasets):
        raise InvalidParameter("datasets", "`dataset_name` in the `datasets` clause must be specified.")
    limit = request.max_results or 100
    if not 1 <= limit <= _MOST_RESULTS:
        raise InvalidParameter("max_results", f"max_results must be from 1 to {_MOST_RESULTS}, got {limit}")
    wanted = LoggedModelSearch(
        tuple(request.experiment_ids),
        request.filter or "",
        tuple(MeasuredOn(item.dataset_name, item.dataset_digest or None) for item in request.datasets),
        tuple(_order(item, index) for index, item in enumerate(request.order_by)),
        limit,
        request.page_token or None,
    )
    with reading(desk.store, _TOPICS):
        page = logged_models.search(desk.store.engine, wanted)
    models = [_message(desk, model) for model in page.logged_models]
    return reply(present(models=models, next_page_token=page.next_page_token))


def _order(item: OrderMessage, index: int) -> LoggedModelOrder:
    if item.dataset_digest and not item.dataset_name:
        raise InvalidParameter(
            f"order_by[{index}].dataset_name",
            "`dataset_digest` can only be given together with `dataset_name`.",
        )
    on = MeasuredOn(item.dataset_name, item.dataset_digest or None) if item.dataset_name else None
    return LoggedModelOrder(item.field_name, item.ascending is not False, on)


@router.get("/logged-models/{model_id}")
def get(desk: DeskOf, model_id: ModelId, request: Annotated[GetMessage, FromQuery(GetMessage)]) -> Response:
    """With all its measurements; a deleted one only on demand."""
    model = _current(desk, model_id)
    if model.lifecycle_stage == "deleted" and not request.allow_deleted:
        raise NotFound(f"Logged model with ID '{model_id}' not found.")
    return reply({"model": _message(desk, model)})


@router.patch("/logged-models/{model_id}")
def finalize(
    desk: DeskOf, model_id: ModelId, request: Annotated[FinalizeMessage, FromBody(FinalizeMessage)]
) -> Response:
    """Say that its files are there, or will not come."""
    _current(desk, model_id)
    desk.store.producer.emit_and_wait([e.LoggedModelFinalized(model_id, request.status)])
    return _as_it_is_now(desk, model_id)


@router.delete("/logged-models/{model_id}")
def delete(desk: DeskOf, model_id: ModelId) -> Response:
    """It can still be asked for by id, with allow_deleted."""
    _current(desk, model_id)
    desk.store.producer.emit_and_wait([e.LoggedModelDeleted(model_id)])
    return empty_reply()


@router.patch("/logged-models/{model_id}/tags")
def set_tags(
    desk: DeskOf, model_id: ModelId, request: Annotated[TagsMessage, FromBody(TagsMessage)]
) -> Response:
    """Other tags stay as they are."""
    tags = _entries(request.tags, "tags")
    model = _current(desk, model_id)
    desk.store.producer.emit_and_wait([e.LoggedModelTagsSet(model_id, tags)] if tags else [])
    return reply({"model": _message(desk, model.model_copy(update={"tags": {**model.tags, **tags}}))})


@router.delete("/logged-models/{model_id}/tags/{tag_key:path}")
def delete_tag(desk: DeskOf, model_id: ModelId, tag_key: str) -> Response:
    """A tag that is not there is RESOURCE_DOES_NOT_EXIST."""
    if tag_key not in _current(desk, model_id).tags:
        raise NotFound(f"No tag with key {tag_key!r} found for model with ID {model_id!r}.")
    desk.store.producer.emit_and_wait([e.LoggedModelTagsDeleted(model_id, [tag_key])])
    return empty_reply()


@router.post("/logged-models/{model_id}/params")
def log_params(
    desk: DeskOf, model_id: ModelId, request: Annotated[ParamsMessage, FromBody(ParamsMessage)]
) -> Response:
    """A param has one value for ever: another one is refused, and with it the whole request."""
    params = _entries(request.params, "params")
    known = _current(desk, model_id).params
    for key, value in params.items():
        if known.get(key, value) != value:
            raise InvalidParameter(
                "params",
                f"Changing param values is not allowed. Param with key='{key}' was already logged with"
                f" value='{known[key]}' for model with ID='{model_id}'."
                f" Attempted logging new value '{value}'.",
            )
    desk.store.producer.emit_and_wait([e.LoggedModelParamsLogged(model_id, params)] if params else [])
    return empty_reply()


@router.get("/logged-models/{model_id}/artifacts/directories")
def directories(
    desk: DeskOf, model_id: ModelId, request: Annotated[DirectoriesMessage, FromQuery(DirectoriesMessage)]
) -> Response:
    """The files and directories right under a path, all on one page."""
    model = _current(desk, model_id)
    given = request.artifact_directory_path
    path = validate.artifact_path(given, "artifact_directory_path") if given else ""
    root = model_root(model.experiment_id, model_id, location_of(desk, model.experiment_id))
    place = place_of_uri(f"{root}/{path}")
    files = artifact_requests.listed(desk.store, place, path) if place is not None else []
    return reply(present(root_uri=root, files=files))


@router.post("/runs/outputs")
def log_outputs(desk: DeskOf, request: Annotated[OutputsMessage, FromBody(OutputsMessage)]) -> Response:
    """Models that the run made, each at a step."""
    outputs = [
        e.ModelOutput(validate.run_id(item.model_id, f"models[{index}].model_id"), item.step or 0)
        for index, item in enumerate(request.models)
    ]
    active_run(desk.store, request.run_id)
    events = [e.ModelsLinked(request.run_id, outputs=outputs)] if outputs else []
    desk.store.producer.emit_and_wait(events)
    return empty_reply()


def _current(desk: Desk, model_id: str) -> LoggedModel:
    """Return a model, active or deleted. Raises NotFound."""
    with reading(desk.store, _TOPICS):
        return logged_models.get(desk.store.engine, model_id)


def _as_it_is_now(desk: Desk, model_id: str) -> Response:
    return reply({"model": _message(desk, _current(desk, model_id))})


def _message(desk: Desk, model: LoggedModel) -> dict[str, object]:
    return logged_model_message(model, location_of(desk, model.experiment_id))
