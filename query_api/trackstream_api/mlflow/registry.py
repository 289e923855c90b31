"""The model registry on MLflow's face: registered models, versions, stages, aliases, tags.

Prompts are registered models with a tag, as in MLflow. Source: the registry's handlers in
mlflow.server.handlers and mlflow.store.model_registry.sqlalchemy_store.
"""

from typing import Annotated

from fastapi import APIRouter, Response

from trackstream_api.barrier import reading
from trackstream_api.mlflow.current import Desk, DeskOf
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import FromBody, FromQuery, empty_reply, present, reply
from trackstream_api.mlflow.registry_messages import (
    AliasMessage,
    CreateModelMessage,
    CreateVersionMessage,
    DeleteModelTagMessage,
    DeleteVersionTagMessage,
    LatestVersionsMessage,
    NameMessage,
    RenameModelMessage,
    SearchMessage,
    SetAliasMessage,
    SetModelTagMessage,
    SetVersionTagMessage,
    TagMessage,
    TransitionMessage,
    UpdateModelMessage,
    UpdateVersionMessage,
    VersionMessage,
    model_message,
    version_message,
)
from trackstream_api.mlflow.registry_rules import (
    alias_name,
    alias_to_set,
    model_name,
    page_size,
    registry_tag,
    stage_name,
    version_number,
)
from trackstream_api.models.registry import ModelVersion, RegisteredModel
from trackstream_api.queries import registry
from trackstream_api.registry import acts as acts
from trackstream_api.registry import commands
from trackstream_api.search.compile_registry import RegistrySearch

router = APIRouter(prefix="/2.0/mlflow")

_MAX_MODELS, _MAX_VERSIONS = 1000, 200_000


@router.post("/registered-models/create")
def create_model(
    desk: DeskOf, request: Annotated[CreateModelMessage, FromBody(CreateModelMessage)]
) -> Response:
    """A new model without versions; its name must be free."""
    name = model_name(request.name)
    made = acts.create_model(desk.store, name, request.description or "", _tags(request.tags))
    return _model_reply(made)


@router.get("/registered-models/get")
def get_model(desk: DeskOf, request: Annotated[NameMessage, FromQuery(NameMessage)]) -> Response:
    """One model with the latest version of each stage."""
    return _model_reply(acts.model(desk.store, model_name(request.name)))


@router.patch("/registered-models/update")
def update_model(
    desk: DeskOf, request: Annotated[UpdateModelMessage, FromBody(UpdateModelMessage)]
) -> Response:
    """A new description."""
    changed = acts.change_model(
        desk.store,
        model_name(request.name),
        lambda model: [commands.describe_model(model, request.description or "")],
    )
    return _model_reply(changed)


@router.post("/registered-models/rename")
def rename_model(
    desk: DeskOf, request: Annotated[RenameModelMessage, FromBody(RenameModelMessage)]
) -> Response:
    """A new name, which must be free; versions, aliases and history stay."""
    new_name = model_name(request.new_name, "new_name")
    return _model_reply(acts.rename_model(desk.store, model_name(request.name), new_name, "new_name"))


@router.delete("/registered-models/delete")
def delete_model(desk: DeskOf, request: Annotated[NameMessage, FromBody(NameMessage)]) -> Response:
    """The model with all its versions."""
    acts.delete_model(desk.store, model_name(request.name))
    return empty_reply()


@router.get("/registered-models/search")
def search_models(desk: DeskOf, request: Annotated[SearchMessage, FromQuery(SearchMessage)]) -> Response:
    """One page of models, by name unless `order_by` says otherwise."""
    search = _search(request, 100, _MAX_MODELS)
    with reading(desk.store, acts.TOPICS) as headers:
        found = registry.search_models(desk.store.engine, search)
    return reply(
        present(
            registered_models=[model_message(item) for item in found.models],
            next_page_token=found.next_page_token,
        ),
        headers,
    )


@router.post("/registered-models/get-latest-versions")
def latest_versions(
    desk: DeskOf, request: Annotated[LatestVersionsMessage, FromBody(LatestVersionsMessage)]
) -> Response:
    """The latest version of each wanted stage; of all stages where none is named."""
    return _latest_versions(desk, request)


@router.get("/registered-models/get-latest-versions")
def latest_versions_by_get(
    desk: DeskOf, request: Annotated[LatestVersionsMessage, FromQuery(LatestVersionsMessage)]
) -> Response:
    """The same as by POST."""
    return _latest_versions(desk, request)


@router.post("/registered-models/set-tag")
def set_model_tag(
    desk: DeskOf, request: Annotated[SetModelTagMessage, FromBody(SetModelTagMessage)]
) -> Response:
    """One tag of a model."""
    tags = dict([registry_tag(request.key, request.value)])
    acts.change_model(desk.store, model_name(request.name), lambda model: commands.tag_model(model, tags))
    return empty_reply()


@router.delete("/registered-models/delete-tag")
def delete_model_tag(
    desk: DeskOf, request: Annotated[DeleteModelTagMessage, FromBody(DeleteModelTagMessage)]
) -> Response:
    """One tag of a model; one that is not there is no error."""
    acts.change_model(
        desk.store, model_name(request.name), lambda model: commands.untag_model(model, request.key)
    )
    return empty_reply()


@router.post("/registered-models/alias")
def set_alias(desk: DeskOf, request: Annotated[SetAliasMessage, FromBody(SetAliasMessage)]) -> Response:
    """Point an alias at a version, away from the one it pointed at."""
    name, alias = model_name(request.name), alias_to_set(request.alias)
    acts.change_version(
        desk.store,
        name,
        version_number(request.version),
        lambda version: [commands.point_alias(version, alias)],
    )
    return empty_reply()


@router.delete("/registered-models/alias")
def delete_alias(desk: DeskOf, request: Annotated[AliasMessage, FromBody(AliasMessage)]) -> Response:
    """One alias; one that is not there is no error."""
    alias = alias_name(request.alias)
    acts.change_model(desk.store, model_name(request.name), lambda model: commands.delete_alias(model, alias))
    return empty_reply()


@router.get("/registered-models/alias")
def get_by_alias(desk: DeskOf, request: Annotated[AliasMessage, FromQuery(AliasMessage)]) -> Response:
    """The version that an alias points at."""
    name, alias = model_name(request.name), alias_name(request.alias)
    if alias.lower() != "latest" and alias not in acts.model(desk.store, name).aliases:
        raise InvalidParameter("alias", f"Registered model alias {alias} not found.")
    return _version_reply(acts.version_by_alias(desk.store, name, alias))


@router.post("/model-versions/create")
def create_version(
    desk: DeskOf, request: Annotated[CreateVersionMessage, FromBody(CreateVersionMessage)]
) -> Response:
    """A new version; the log's order gives its number."""
    made = acts.create_version(
        desk.store,
        model_name(request.name),
        request.source,
        request.run_id,
        request.model_id,
        request.run_link or "",
        request.description or "",
        _tags(request.tags),
    )
    return _version_reply(made)


@router.get("/model-versions/get")
def get_version(desk: DeskOf, request: Annotated[VersionMessage, FromQuery(VersionMessage)]) -> Response:
    """One version."""
    name, number = _key(request)
    return _version_reply(acts.version(desk.store, name, number))


@router.patch("/model-versions/update")
def update_version(
    desk: DeskOf, request: Annotated[UpdateVersionMessage, FromBody(UpdateVersionMessage)]
) -> Response:
    """A new description of a version."""
    name, number = _key(request)
    changed = acts.change_version(
        desk.store,
        name,
        number,
        lambda version: [commands.describe_version(version, request.description or "")],
    )
    return _version_reply(changed)


@router.post("/model-versions/transition-stage")
def transition(desk: DeskOf, request: Annotated[TransitionMessage, FromBody(TransitionMessage)]) -> Response:
    """Another stage; with `archive_existing_versions` the stage's other versions are archived."""
    stage = stage_name(request.stage)
    name, number = _key(request)
    moved = acts.change_version(
        desk.store,
        name,
        number,
        lambda version: [
            commands.move_version(version, stage, archive_existing=request.archive_existing_versions)
        ],
    )
    return _version_reply(moved)


@router.delete("/model-versions/delete")
def delete_version(desk: DeskOf, request: Annotated[VersionMessage, FromBody(VersionMessage)]) -> Response:
    """One version; its number is not given again."""
    name, number = _key(request)
    acts.delete_version(desk.store, name, number)
    return empty_reply()


@router.get("/model-versions/search")
def search_versions(desk: DeskOf, request: Annotated[SearchMessage, FromQuery(SearchMessage)]) -> Response:
    """One page of versions of all models."""
    search = _search(request, 200_000, _MAX_VERSIONS)
    with reading(desk.store, acts.TOPICS) as headers:
        found = registry.search_versions(desk.store.engine, search)
    return reply(
        present(
            model_versions=[version_message(item) for item in found.versions],
            next_page_token=found.next_page_token,
        ),
        headers,
    )


@router.get("/model-versions/get-download-uri")
def download_uri(desk: DeskOf, request: Annotated[VersionMessage, FromQuery(VersionMessage)]) -> Response:
    """Where the files of a version are."""
    name, number = _key(request)
    return reply({"artifact_uri": acts.version(desk.store, name, number).storage_location})


@router.post("/model-versions/set-tag")
def set_version_tag(
    desk: DeskOf, request: Annotated[SetVersionTagMessage, FromBody(SetVersionTagMessage)]
) -> Response:
    """One tag of a version."""
    name, number = _key(request)
    tags = dict([registry_tag(request.key, request.value)])
    acts.change_version(desk.store, name, number, lambda version: commands.tag_version(version, tags))
    return empty_reply()


@router.delete("/model-versions/delete-tag")
def delete_version_tag(
    desk: DeskOf, request: Annotated[DeleteVersionTagMessage, FromBody(DeleteVersionTagMessage)]
) -> Response:
    """One tag of a version; one that is not there is no error."""
    name, number = _key(request)
    acts.change_version(
        desk.store, name, number, lambda version: commands.untag_version(version, request.key)
    )
    return empty_reply()


def _model_reply(model: RegisteredModel) -> Response:
    return reply({"registered_model": model_message(model)})


def _version_reply(version: ModelVersion) -> Response:
    return reply({"model_version": version_message(version)})


def _latest_versions(desk: Desk, request: LatestVersionsMessage) -> Response:
    found = acts.model(desk.store, model_name(request.name)).latest_versions
    stages = {stage_name(stage) for stage in request.stages}
    return reply(
        present(
            model_versions=[version_message(item) for item in found if not stages or item.stage in stages]
        )
    )


def _search(request: SearchMessage, default: int, most: int) -> RegistrySearch:
    limit = page_size(request.max_results, default, most)
    return RegistrySearch(request.filter or "", tuple(request.order_by), limit, request.page_token or None)


def _key(request: VersionMessage) -> tuple[str, int]:
    return model_name(request.name), version_number(request.version)


def _tags(tags: list[TagMessage]) -> dict[str, str]:
    return dict(registry_tag(tag.key, tag.value) for tag in tags)
