"""Registered models and their versions, by name and by number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trackstream_api.models.registry import (
    ModelVersion,
    ModelVersionPage,
    RegisteredModel,
    RegisteredModelPage,
)
from trackstream_api.queries.execution import select
from trackstream_api.search import page
from trackstream_api.search.compile_registry import search_models_statement, search_versions_statement
from trackstream_schemas.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trackstream_api.search.compile_registry import RegistrySearch
    from trackstream_consumers.engine import Engine

Key = tuple[str, int]
"""registered_model_id and number of a version."""

_MODELS = """
    SELECT registered_model_id, name, description, created_at, updated_at, tags, aliases, stages,
        last_version, conflicts
    FROM registered_models FINAL
    WHERE lifecycle_stage = 'active'
"""
_VERSIONS = """
    SELECT registered_model_id, number, stage, source, storage_location, run_id, model_id, run_link,
        description, user_id, created_at, updated_at, tags
    FROM model_versions FINAL
    WHERE lifecycle_stage = 'active'
"""
_KEYS_AT_ONCE = 2000
# A few versions more than those asked for may match: whoever asks picks.
_OF_KEYS = "registered_model_id IN {ids:Array(String)} AND number IN {numbers:Array(UInt32)}"


def no_model(name: str) -> NotFound:
    """Return the error for a name that no registered model has, in MLflow's words."""
    return NotFound(f"Registered Model with name={name} not found")


def no_version(name: str, version: int) -> NotFound:
    """Return the error for a version that is not there, in MLflow's words."""
    return NotFound(f"Model Version (name={name}, version={version}) not found")


def find(engine: Engine, name: str) -> RegisteredModel | None:
    """Return the registered model that has a name, or None."""
    found = _models(engine, f"{_MODELS} AND name = {{name:String}}", {"name": name})
    return found[0] if found else None


def get(engine: Engine, name: str) -> RegisteredModel:
    """Return the registered model that has a name. Raises NotFound."""
    found = find(engine, name)
    if found is None:
        raise no_model(name)
    return found


def by_id(engine: Engine, registered_model_id: str) -> RegisteredModel | None:
    """Return the registered model with an id, or None where it is not there (any more)."""
    found = _models_by_ids(engine, [registered_model_id])
    return found[0] if found else None


def ids_held(engine: Engine, ids: Sequence[str]) -> set[str]:
    """Return which of these ids a registered model has that is there."""
    sql = """
        SELECT registered_model_id FROM registered_models FINAL
        WHERE lifecycle_stage = 'active' AND registered_model_id IN {ids:Array(String)}
    """
    return {row[0] for row in select(engine, sql, {"ids": list(ids)})}


def creation_stands(engine: Engine, registered_model_id: str, creation_id: str) -> bool:
    """Return whether the model exists, or existed last, by this creation and no other."""
    sql = """
        SELECT creation_id FROM registered_models FINAL
        WHERE registered_model_id = {id:String} AND lifecycle_stage != 'absent'
    """
    return select(engine, sql, {"id": registered_model_id}) in ([(creation_id,)], [[creation_id]])


def was_ever_there(engine: Engine, registered_model_id: str) -> bool:
    """Return whether a creation of the model has ever been accepted."""
    sql = """
        SELECT count() FROM registered_models FINAL
        WHERE registered_model_id = {id:String} AND lifecycle_stage != 'absent'
    """
    return bool(select(engine, sql, {"id": registered_model_id})[0][0])


def version(engine: Engine, name: str, number: int) -> ModelVersion:
    """Return a version. Raises NotFound for it or its model."""
    return version_of(engine, get(engine, name), number)


def version_of(engine: Engine, model: RegisteredModel, number: int) -> ModelVersion:
    """Return a version of a model. Raises NotFound."""
    found = versions_by_keys(engine, [(model.registered_model_id, number)])
    if not found:
        raise no_version(model.name, number)
    return found[0]


def version_by_creation(engine: Engine, registered_model_id: str, creation_id: str) -> ModelVersion | None:
    """Return the version that a creation became; None where the creation was refused."""
    where = "registered_model_id = {id:String} AND creation_id = {creation:String}"
    found = _versions(engine, where, {"id": registered_model_id, "creation": creation_id})
    return found[0] if found else None


def versions_by_keys(engine: Engine, keys: Sequence[Key]) -> list[ModelVersion]:
    """Return these versions in the order given; those that are not there are left out."""
    found: dict[Key, ModelVersion] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        part = keys[start : start + _KEYS_AT_ONCE]
        for item in _versions(engine, _OF_KEYS, _parameters(part)):
            found[item.registered_model_id, item.version] = item
    return [found[key] for key in keys if key in found]


def search_models(engine: Engine, request: RegistrySearch) -> RegisteredModelPage:
    """Return a page of registered models."""
    statement = search_models_statement(request)
    found = page(statement, select(engine, statement.sql, statement.parameters))
    return RegisteredModelPage.model_construct(
        models=_models_by_ids(engine, found.ids), next_page_token=found.next_page_token
    )


def search_versions(engine: Engine, request: RegistrySearch) -> ModelVersionPage:
    """Return a page of versions."""
    statement = search_versions_statement(request)
    found = page(statement, select(engine, statement.sql, statement.parameters))
    keys = [(model_id, int(number)) for model_id, _, number in (key.rpartition("/") for key in found.ids)]
    return ModelVersionPage.model_construct(
        versions=versions_by_keys(engine, keys), next_page_token=found.next_page_token
    )


def _models_by_ids(engine: Engine, ids: Sequence[str]) -> list[RegisteredModel]:
    if not ids:
        return []
    sql = f"{_MODELS} AND registered_model_id IN {{ids:Array(String)}}"
    found = {model.registered_model_id: model for model in _models(engine, sql, {"ids": list(ids)})}
    return [found[wanted] for wanted in ids if wanted in found]


def _models(engine: Engine, sql: str, parameters: dict[str, Any]) -> list[RegisteredModel]:
    rows = select(engine, sql, parameters)
    newest = {row[0]: _highest_in_each_stage(row[7]) for row in rows}
    keys = [(model_id, number) for model_id, numbers in newest.items() for number in numbers]
    versions = _raw_versions(engine, keys)
    return [
        RegisteredModel.model_construct(
            registered_model_id=row[0],
            name=row[1],
            description=row[2],
            created_at=row[3],
            updated_at=row[4],
            tags=row[5],
            aliases=row[6],
            last_version=row[8],
            latest_versions=[
                _version(versions[row[0], number], row[1], row[6])
                for number in newest[row[0]]
                if (row[0], number) in versions
            ],
            conflicts=[json.loads(conflict) for conflict in row[9]],
        )
        for row in rows
    ]


def _highest_in_each_stage(stages: dict[int, str]) -> list[int]:
    highest: dict[str, int] = {}
    for number, stage in stages.items():
        highest[stage] = max(number, highest.get(stage, 0))
    return sorted(highest.values())


def _raw_versions(engine: Engine, keys: Sequence[Key]) -> dict[Key, Sequence[Any]]:
    if not keys:
        return {}
    rows = select(engine, f"{_VERSIONS} AND {_OF_KEYS}", _parameters(keys))
    return {(row[0], row[1]): row for row in rows}


def _parameters(keys: Sequence[Key]) -> dict[str, Any]:
    return {"ids": list({key[0] for key in keys}), "numbers": list({key[1] for key in keys})}


def _versions(engine: Engine, where: str, parameters: dict[str, Any]) -> list[ModelVersion]:
    rows = select(engine, f"{_VERSIONS} AND {where}", parameters)
    if not rows:
        return []
    sql = """
        SELECT registered_model_id, name, aliases FROM registered_models FINAL
        WHERE lifecycle_stage = 'active' AND registered_model_id IN {ids:Array(String)}
    """
    models = {row[0]: row for row in select(engine, sql, {"ids": list({row[0] for row in rows})})}
    return [_version(row, models[row[0]][1], models[row[0]][2]) for row in rows if row[0] in models]


def _version(row: Sequence[Any], name: str, aliases: dict[str, int]) -> ModelVersion:
    return ModelVersion.model_construct(
        name=name,
        version=row[1],
        registered_model_id=row[0],
        stage=row[2],
        aliases=sorted(alias for alias, number in aliases.items() if number == row[1]),
        source=row[3],
        storage_location=row[4] or row[3],
        run_id=row[5] or None,
        model_id=row[6] or None,
        run_link=row[7] or None,
        description=row[8],
        user_id=row[9],
        created_at=row[10],
        updated_at=row[11],
        tags=row[12],
    )
