"""The model registry on MLflow's face: registered models, versions, stages, aliases, tags.

Prompts are registered models with a tag, as in MLflow. Source: the registry's handlers in
mlflow.server.handlers and mlflow.store.model_registry.sqlalchemy_store.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from trackstream_api import registry as acts
from trackstream_api import registry_commands as commands
from trackstream_api.barrier import reading
from trackstream_api.mlflow.current import Desk, DeskOf
from trackstream_api.mlflow.errors import InvalidParameter
from trackstream_api.mlflow.messages import (
    FromBody,
    FromQuery,
    Int64,
    Message,
    Repeated,
    Required,
    empty_reply,
    entries,
    present,
    reply,
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
from trackstream_api.search.compile_registry import RegistrySearch

router = APIRouter(prefix="/2.0/mlflow")

_MAX_MODELS, _MAX_VERSIONS = 1000, 200_000


class TagMessage(Message):
    key: str = ""
    value: str = ""


class NameMessage(Message):
    name: Required


class VersionMessage(Message):
    name: Required
    version: Required


class CreateModelMessage(Message):
    name: Required
    description: str | None = None
    tags: Repeated[TagMessage]


class UpdateModelMessage(Message):
    name: Required
    description: str | None = None


class RenameModelMessage(Message):
    name: Required
    new_name: Required


class SearchModelsMessage(Message):
    filter: str | None = None
    max_results: Int64 | None = None
    order_by: Repeated[str]
    page_token: str | None = None


class SearchVersionsMessage(SearchModelsMessage):
    pass


class LatestVersionsMessage(Message):
    name: Required
    stages: Repeated[str]


class SetModelTagMessage(Message):
    name: Required
    key: Required
    value: str = ""


class DeleteModelTagMessage(Message):
    name: Required
    key: Required


class CreateVersionMessage(Message):
    name: Required
    source: Required
    run_id: str | None = None
    tags: Repeated[TagMessage]
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class UpdateVersionMessage(VersionMessage):
    description: str | None = None


class TransitionMessage(VersionMessage):
    stage: Required
    archive_existing_versions: bool = False


class SetVersionTagMessage(VersionMessage):
    key: Required
    value: str = ""


class DeleteVersionTagMessage(VersionMessage):
    key: Required


class SetAliasMessage(VersionMessage):
    alias: Required


class AliasMessage(Message):
    name: Required
    alias: Required


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
def search_models(
    desk: DeskOf, request: Annotated[SearchModelsMessage, FromQuery(SearchModelsMessage)]
) -> Response:
    """One page of models, by name unless `order_by` says otherwise."""
    limit = page_size(request.max_results, 100, _MAX_MODELS)
    search = RegistrySearch(request.filter or "", tuple(request.order_by), limit, request.page_token or None)
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
def search_versions(
    desk: DeskOf, request: Annotated[SearchVersionsMessage, FromQuery(SearchVersionsMessage)]
) -> Response:
    """One page of versions of all models."""
    limit = page_size(request.max_results, 200_000, _MAX_VERSIONS)
    search = RegistrySearch(request.filter or "", tuple(request.order_by), limit, request.page_token or None)
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


def model_message(model: RegisteredModel) -> dict[str, Any]:
    """Return a RegisteredModel."""
    return present(
        name=model.name,
        creation_timestamp=model.created_at,
        last_updated_timestamp=model.updated_at,
        description=model.description or None,
        latest_versions=[version_message(item) for item in model.latest_versions],
        tags=entries(model.tags),
        aliases=[{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()],
    )


def version_message(version: ModelVersion) -> dict[str, Any]:
    """Return a ModelVersion; it is READY from the first, since there is nothing to copy."""
    return present(
        name=version.name,
        version=str(version.version),
        creation_timestamp=version.created_at,
        last_updated_timestamp=version.updated_at,
        user_id=version.user_id or None,
        current_stage=version.stage,
        description=version.description,
        source=version.source,
        run_id=version.run_id or "",
        status="READY",
        tags=entries(version.tags),
        run_link=version.run_link or "",
        aliases=version.aliases,
    )


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


def _key(request: VersionMessage) -> tuple[str, int]:
    return model_name(request.name), version_number(request.version)


def _tags(tags: list[TagMessage]) -> dict[str, str]:
    return dict(registry_tag(tag.key, tag.value) for tag in tags)
