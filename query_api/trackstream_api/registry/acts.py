"""Acts on the model registry, for both faces: read, decide, append, answer with what the log made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.barrier import reading
from trackstream_api.queries import registry
from trackstream_api.registry import commands
from trackstream_api.registry import sources as registry_sources
from trackstream_schemas import topics, validate
from trackstream_schemas.errors import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trackstream_api.models.registry import ModelVersion, RegisteredModel
    from trackstream_api.store import Store
    from trackstream_schemas.events import RegistryBody

TOPICS = (topics.REGISTRY,)
SOURCE_TOPICS = (topics.REGISTRY, topics.EXPERIMENTS, topics.RUNS, topics.LOGGED_MODELS)
"""What must be up to date where the source of a version is looked up."""


def model(store: Store, name: str) -> RegisteredModel:
    """Return a registered model as it is now. Raises NotFound."""
    with reading(store, TOPICS):
        return registry.get(store.engine, name)


def version(store: Store, name: str, number: int) -> ModelVersion:
    """Return a version as it is now. Raises NotFound."""
    with reading(store, TOPICS):
        return registry.version(store.engine, name, number)


def version_by_alias(store: Store, name: str, alias: str) -> ModelVersion:
    """Return the version that an alias points at; `latest` is the highest. Raises NotFound."""
    with reading(store, TOPICS):
        found = registry.get(store.engine, name)
        return registry_sources.version_by_alias(store.engine, found, alias)


def create_model(
    store: Store, name: str, description: str = "", tags: Mapping[str, str] | None = None
) -> RegisteredModel:
    """Create a registered model. Raises AlreadyExists, also where another process was first on the log."""
    tags = tags or {}
    with store.deciding():
        with reading(store, TOPICS):
            bearer = registry.find(store.engine, validate.model_name(name))
            held = registry.ids_held(store.engine, commands.candidate_ids(name))
        event = commands.create_model(name, description, tags, bearer, held)
        store.producer.emit_and_wait([event])
    with reading(store, TOPICS):
        if not registry.creation_stands(store.engine, event.registered_model_id, event.creation_id):
            winner = registry.find(store.engine, name)
            raise commands.name_taken(
                name, winner is not None and commands.is_prompt(winner.tags), commands.is_prompt(tags)
            )
        made = registry.by_id(store.engine, event.registered_model_id)
        if made is None:
            raise registry.no_model(name)
        return made


def rename_model(store: Store, name: str, new_name: str, field: str = "name") -> RegisteredModel:
    """Give a model another name. Raises NotFound, and AlreadyExists where the name is taken."""
    new_name = validate.model_name(new_name, field)
    with store.deciding():
        with reading(store, TOPICS):
            found = registry.get(store.engine, name)
            bearer = registry.find(store.engine, new_name)
        store.producer.emit_and_wait(commands.rename_model(found, new_name, bearer, field))
    with reading(store, TOPICS):
        renamed = registry.by_id(store.engine, found.registered_model_id)
    if renamed is None:
        raise registry.no_model(name)
    if renamed.name != new_name:
        # Another process was first on the log.
        raise AlreadyExists(f"Registered Model (name={new_name}) already exists.")
    return renamed


def change_model(
    store: Store, name: str, decide: Callable[[RegisteredModel], Sequence[RegistryBody]]
) -> RegisteredModel:
    """Append what `decide` makes of a model; returns the model as it is then. Raises NotFound."""
    found = model(store, name)
    store.producer.emit_and_wait(decide(found))
    with reading(store, TOPICS):
        changed = registry.by_id(store.engine, found.registered_model_id)
    if changed is None:
        raise registry.no_model(name)
    return changed


def delete_model(store: Store, name: str) -> RegisteredModel:
    """Delete a model with all its versions; returns what it was. Raises NotFound."""
    with store.deciding():
        found = model(store, name)
        store.producer.emit_and_wait([commands.delete_model(found)])
    return found


def create_version(
    store: Store,
    name: str,
    source: str,
    run_id: str | None = None,
    model_id: str | None = None,
    run_link: str = "",
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Register a version; its number is that which the log's order gave to this very event.

    Raises NotFound for the model, InvalidInput for the source.
    """
    tags = tags or {}
    with reading(store, SOURCE_TOPICS):
        lineage = registry_sources.lineage_of(
            store.engine, source, run_id, model_id, of_prompt=commands.is_prompt(tags)
        )
        found = registry.get(store.engine, validate.model_name(name))
    event = commands.create_version(found, lineage, run_link, description, tags)
    store.producer.emit_and_wait([event])
    with reading(store, TOPICS):
        made = registry.version_by_creation(store.engine, event.registered_model_id, event.creation_id)
    if made is None:
        # The model was deleted before this event was on the log.
        raise registry.no_model(name)
    return made


def change_version(
    store: Store, name: str, number: int, decide: Callable[[ModelVersion], Sequence[RegistryBody]]
) -> ModelVersion:
    """Append what `decide` makes of a version; returns the version as it is then. Raises NotFound."""
    found = version(store, name, number)
    store.producer.emit_and_wait(decide(found))
    with reading(store, TOPICS):
        changed = registry.versions_by_keys(store.engine, [(found.registered_model_id, number)])
    if not changed:
        raise registry.no_version(name, number)
    return changed[0]


def delete_version(store: Store, name: str, number: int) -> ModelVersion:
    """Delete a version; returns what it was. Raises NotFound."""
    found = version(store, name, number)
    store.producer.emit_and_wait([commands.delete_version(found)])
    return found
