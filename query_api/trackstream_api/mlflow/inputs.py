"""What a run read and the models it logged, on MLflow's face: log-inputs, log-model, search-datasets."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from trackstream_api.barrier import reading
from trackstream_api.mlflow.current import RUN_TOPICS, DeskOf, active_run
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    Message,
    Repeated,
    Required,
    RunIdMessage,
    empty_reply,
    present,
    reply,
)
from trackstream_api.queries.datasets import datasets_of
from trackstream_schemas import events as e
from trackstream_schemas import validate

router = APIRouter()

LOGGED_MODELS_TAG = "mlflow.log-model.history"
_MAX_EXPERIMENTS = 20
_MAX_SUMMARIES = 1000
_LONGEST_HISTORY = 1_000_000
_MODEL_FIELDS = ("run_id", "artifact_path", "utc_time_created", "model_uuid")


class InputTagMessage(Message):
    key: str
    value: str


class DatasetMessage(Message):
    name: str = ""
    digest: str = ""
    source_type: str = ""
    source: str = ""
    # Pydantic's models have a method of the field's name.
    schema_: str | None = Field(None, validation_alias="schema")
    profile: str | None = None


class DatasetInputMessage(Message):
    dataset: DatasetMessage
    tags: Repeated[InputTagMessage]


class ModelInputMessage(Message):
    model_id: Required


class LogInputsMessage(RunIdMessage):
    datasets: Repeated[DatasetInputMessage]
    models: Repeated[ModelInputMessage]


class LogModelMessage(RunIdMessage):
    model_json: Required


class SearchDatasetsMessage(Message):
    experiment_ids: Repeated[str]


@router.post("/2.0/mlflow/runs/log-inputs")
def log_inputs(desk: DeskOf, request: Annotated[LogInputsMessage, FromBody(LogInputsMessage)]) -> Response:
    """Data sets, each by (name, digest) once a run, and logged models."""
    given: dict[tuple[str, str], e.DatasetInput] = {}
    for item in request.datasets:
        event = _dataset(item)
        given.setdefault((event.name, event.digest), event)
    run = active_run(desk.store, request.run_id)
    datasets = [event for key, event in given.items() if key not in run.inputs]
    models = [item.model_id for item in request.models]
    events: list[e.Body] = [e.InputsLogged(request.run_id, datasets)] if datasets else []
    events += [e.ModelsLinked(request.run_id, models)] if models else []
    desk.store.producer.emit_and_wait(events)
    return empty_reply()


def _dataset(item: DatasetInputMessage) -> e.DatasetInput:
    dataset = item.dataset
    tags = {validate.text(tag.key, "key", 255): validate.text(tag.value, "value", 500) for tag in item.tags}
    return e.DatasetInput(
        _limited(dataset.name, "name", 500),
        _limited(dataset.digest, "digest", 36),
        _limited(dataset.source_type, "source_type", 255),
        _limited(dataset.source, "source", 65_535),
        _limited(dataset.schema_, "schema", 1_048_575) if dataset.schema_ else None,
        _limited(dataset.profile, "profile", 16_777_215) if dataset.profile else None,
        tags,
    )


def _limited(value: str, field: str, longest: int) -> str:
    if len(value) > longest:
        raise InvalidParameter(field, f"'{field}' exceeds the maximum length of {longest} characters")
    return validate.text(value, field, longest)


@router.post("/2.0/mlflow/runs/log-model")
def log_model(desk: DeskOf, request: Annotated[LogModelMessage, FromBody(LogModelMessage)]) -> Response:
    """Note a logged model in the run's tag of them; of old clients."""
    entry = _model_entry(request.model_json)
    with desk.store.deciding():
        run = active_run(desk.store, request.run_id)
        history = [*json.loads(run.tags.get(LOGGED_MODELS_TAG) or "[]"), entry]
        value = validate.text(json.dumps(history), "model_json", _LONGEST_HISTORY)
        desk.store.producer.emit_and_wait([e.TagsSet(request.run_id, {LOGGED_MODELS_TAG: value})])
    return empty_reply()


def _model_entry(model_json: str) -> dict[str, Any]:
    """Return what the tag keeps of a model: mlflow.models.Model.get_tags_dict."""
    try:
        model = json.loads(model_json)
    except ValueError:
        model = None
    if not isinstance(model, dict):
        raise InvalidParameter(
            "model_json", f"Malformed model info. \n {model_json[:200]} \n is not a valid JSON."
        )
    missing = {"artifact_path", "flavors", "utc_time_created", "run_id"} - model.keys()
    if missing:
        raise InvalidParameter("model_json", f"Model json is missing mandatory fields: {missing}")
    entry = {key: model[key] for key in _MODEL_FIELDS if key in model}
    entry["flavors"] = {
        flavor: {key: value for key, value in config.items() if key != "config"}
        if isinstance(config, dict)
        else config
        for flavor, config in dict(model["flavors"] or {}).items()
    }
    return entry


# MLflow's protobuf lacks a slash there, and so does the address its client asks.
@router.post("/2.0mlflow/experiments/search-datasets", include_in_schema=False)
@router.post("/2.0/mlflow/experiments/search-datasets")
def search_datasets(
    desk: DeskOf, request: Annotated[SearchDatasetsMessage, FromBody(SearchDatasetsMessage)]
) -> Response:
    """The data sets that runs of these experiments read, with the context they read them in."""
    experiment_ids = request.experiment_ids
    if not experiment_ids:
        raise InvalidParameter(
            "experiment_ids", "SearchDatasets request must specify at least one experiment_id."
        )
    if len(experiment_ids) > _MAX_EXPERIMENTS:
        raise InvalidParameter(
            "experiment_ids",
            f"SearchDatasets request cannot specify more than {_MAX_EXPERIMENTS} experiment_ids."
            f" Received {len(experiment_ids)} experiment_ids.",
        )
    with reading(desk.store, RUN_TOPICS):
        found = datasets_of(desk.store.engine, experiment_ids, _MAX_SUMMARIES)
    return reply(present(dataset_summaries=[present(**summary._asdict()) for summary in found]))
