"""Registered models and their versions: find, register, change, delete; and where a model URI's files are."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from trackstream_api.as_of import parts
from trackstream_api.as_of.looking import looking
from trackstream_api.barrier import reading
from trackstream_api.models.base import Reply
from trackstream_api.models.registry import (
    ArtifactPlace,
    ChangeModelVersion,
    ChangeRegisteredModel,
    CreateModelVersion,
    CreateRegisteredModel,
    ModelVersion,
    ModelVersionPage,
    PointAlias,
    RegisteredModel,
    RegisteredModelPage,
    Transition,
)
from trackstream_api.queries import registry
from trackstream_api.registry import acts as acts
from trackstream_api.registry import commands
from trackstream_api.registry import sources as registry_sources
from trackstream_api.routes.parameters import AsOf, Consistency, PageToken, StoreOf
from trackstream_api.search.compile_registry import RegistrySearch
from trackstream_schemas import validate

router = APIRouter(prefix="/api/v1", tags=["models"])

_PARTS = (parts.REGISTRY,)


async def _name(name: Annotated[str, Path(description="The registered model's name")]) -> str:
    return validate.model_name(name)


async def _number(version: Annotated[str, Path(description="The version's number")]) -> int:
    return validate.model_version(version)


Name = Annotated[str, Depends(_name)]
Number = Annotated[int, Depends(_number)]
Alias = Annotated[str, Path(description="Name of the alias")]
Key = Annotated[str, Path(description="Name of the tag")]
Filter = Annotated[str, Query(description="For example: name LIKE 'vision%' and tags.team = 'a'")]
OrderBy = Annotated[
    list[str] | None, Query(description="For example: last_updated_timestamp DESC; repeatable")
]
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/models", response_model=RegisteredModelPage, summary="List or search registered models")
def find(
    store: StoreOf,
    filter: Filter = "",
    order_by: OrderBy = None,
    limit: Limit = 100,
    page_token: PageToken = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """Answer with one page, by name unless told otherwise. Prompts are found only by a filter on their tag
    `mlflow.prompt.is_prompt`."""
    search = RegistrySearch(filter, tuple(order_by or ()), limit, page_token)
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(registry.search_models(look.engine, search), headers=look.headers)


@router.post("/models", response_model=RegisteredModel, status_code=201, summary="Create a registered model")
def create(store: StoreOf, request: CreateRegisteredModel) -> Reply:
    """RESOURCE_ALREADY_EXISTS where the name is taken; of two at the same time one wins."""
    return Reply(acts.create_model(store, request.name, request.description, request.tags), 201)


@router.get("/models/{name}", response_model=RegisteredModel, summary="Get a registered model")
def get(store: StoreOf, name: Name, consistency: Consistency = "strong", as_of: AsOf = None) -> Reply:
    """With the highest version in each stage. As of an earlier moment, by the name that it had then."""
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(registry.get(look.engine, name), headers=look.headers)


@router.patch("/models/{name}", response_model=RegisteredModel, summary="Rename or describe a model")
def change(store: StoreOf, name: Name, request: ChangeRegisteredModel) -> Reply:
    """Id, versions and history stay."""
    if request.description is not None:
        description = request.description
        found = acts.change_model(store, name, lambda model: [commands.describe_model(model, description)])
        name = found.name
    if request.name is not None:
        return Reply(acts.rename_model(store, name, request.name))
    return Reply(acts.model(store, name))


@router.delete("/models/{name}", response_model=RegisteredModel, summary="Delete a registered model")
def delete(store: StoreOf, name: Name) -> Reply:
    """For good, with all its versions; answers with what it was. Files are not touched."""
    return Reply(acts.delete_model(store, name))


@router.put("/models/{name}/tags", response_model=RegisteredModel, summary="Set tags of a registered model")
def set_tags(store: StoreOf, name: Name, tags: dict[str, str]) -> Reply:
    """Other tags stay as they are."""
    return Reply(acts.change_model(store, name, lambda model: commands.tag_model(model, tags)))


@router.delete("/models/{name}/tags/{key:path}", response_model=RegisteredModel, summary="Remove a tag")
def delete_tag(store: StoreOf, name: Name, key: Key) -> Reply:
    """A tag that is not set is no error."""
    return Reply(acts.change_model(store, name, lambda model: commands.untag_model(model, key)))


@router.put("/models/{name}/aliases/{alias}", response_model=ModelVersion, summary="Point an alias")
def point_alias(store: StoreOf, name: Name, alias: Alias, request: PointAlias) -> Reply:
    """It points at one version; whatever it pointed at before, no longer."""
    found = acts.change_version(
        store, name, request.version, lambda version: [commands.point_alias(version, alias)]
    )
    return Reply(found)


@router.get("/models/{name}/aliases/{alias}", response_model=ModelVersion, summary="Get a version by alias")
def by_alias(store: StoreOf, name: Name, alias: Alias, as_of: AsOf = None) -> Reply:
    """`latest` is the highest version."""
    with looking(store, _PARTS, as_of=as_of) as look:
        found = registry.get(look.engine, name)
        version = registry_sources.version_by_alias(look.engine, found, alias)
        return Reply(version, headers=look.headers)


@router.delete("/models/{name}/aliases/{alias}", response_model=RegisteredModel, summary="Delete an alias")
def delete_alias(store: StoreOf, name: Name, alias: Alias) -> Reply:
    """An alias that is not there is no error."""
    return Reply(acts.change_model(store, name, lambda model: commands.delete_alias(model, alias)))


@router.get("/model-versions", response_model=ModelVersionPage, summary="List or search versions")
def find_versions(
    store: StoreOf,
    filter: Filter = "",
    order_by: OrderBy = None,
    limit: Limit = 100,
    page_token: PageToken = None,
    consistency: Consistency = "strong",
    as_of: AsOf = None,
) -> Reply:
    """Answer with one page, those changed last first unless told otherwise."""
    search = RegistrySearch(filter, tuple(order_by or ()), limit, page_token)
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(registry.search_versions(look.engine, search), headers=look.headers)


@router.post(
    "/models/{name}/versions", response_model=ModelVersion, status_code=201, summary="Register a version"
)
def create_version(store: StoreOf, name: Name, request: CreateModelVersion) -> Reply:
    """Answers with the number that the log's order gave to this version; numbers have no gap."""
    run_id, model_id = registry_sources.ids_in(request.source)
    made = acts.create_version(
        store,
        name,
        request.source,
        request.run_id or run_id,
        request.model_id or model_id,
        request.run_link or "",
        request.description,
        request.tags,
    )
    return Reply(made, 201)


@router.get("/models/{name}/versions/{version}", response_model=ModelVersion, summary="Get a version")
def get_version(
    store: StoreOf, name: Name, version: Number, consistency: Consistency = "strong", as_of: AsOf = None
) -> Reply:
    """By number."""
    with looking(store, _PARTS, consistency, as_of) as look:
        return Reply(registry.version(look.engine, name, version), headers=look.headers)


@router.patch("/models/{name}/versions/{version}", response_model=ModelVersion, summary="Describe a version")
def change_version(store: StoreOf, name: Name, version: Number, request: ChangeModelVersion) -> Reply:
    """Give it another description."""
    changed = acts.change_version(
        store, name, version, lambda found: [commands.describe_version(found, request.description)]
    )
    return Reply(changed)


@router.delete("/models/{name}/versions/{version}", response_model=ModelVersion, summary="Delete a version")
def delete_version(store: StoreOf, name: Name, version: Number) -> Reply:
    """For good, with its aliases; its number is not used again. Answers with what it was."""
    return Reply(acts.delete_version(store, name, version))


@router.post(
    "/models/{name}/versions/{version}/stage", response_model=ModelVersion, summary="Move to a stage"
)
def transition(store: StoreOf, name: Name, version: Number, request: Transition) -> Reply:
    """Optionally archive the versions that are in the stage."""
    moved = acts.change_version(
        store,
        name,
        version,
        lambda found: [
            commands.move_version(found, request.stage, archive_existing=request.archive_existing)
        ],
    )
    return Reply(moved)


@router.put(
    "/models/{name}/versions/{version}/tags", response_model=ModelVersion, summary="Set tags of a version"
)
def set_version_tags(store: StoreOf, name: Name, version: Number, tags: dict[str, str]) -> Reply:
    """Other tags stay as they are."""
    return Reply(acts.change_version(store, name, version, lambda found: commands.tag_version(found, tags)))


@router.delete(
    "/models/{name}/versions/{version}/tags/{key:path}", response_model=ModelVersion, summary="Remove a tag"
)
def delete_version_tag(store: StoreOf, name: Name, version: Number, key: Key) -> Reply:
    """A tag that is not set is no error."""
    return Reply(acts.change_version(store, name, version, lambda found: commands.untag_version(found, key)))


@router.get("/artifact-places", response_model=ArtifactPlace, summary="Where the files of a URI are")
def locate(
    store: StoreOf,
    uri: Annotated[
        str,
        Query(description="runs:/ID/PATH, models:/NAME/VERSION, models:/NAME@ALIAS, models:/NAME/STAGE …"),
    ],
    consistency: Consistency = "strong",
) -> Reply:
    """Whose artifacts to ask for, and under which path. Refused for files outside of this store."""
    with reading(store, acts.TOPICS, consistency) as headers:
        return Reply(registry_sources.place_of(store.engine, uri), headers=headers)
