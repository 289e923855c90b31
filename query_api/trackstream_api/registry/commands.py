"""What a write to the model registry becomes on the log: pure decisions, as in `commands`.

Whether a name is free and which number a version gets is settled by the order of the log; what is refused
here is what is known to be settled already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import AlreadyExists, Conflict, InvalidInput
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from trackstream_api.models.registry import ModelVersion, RegisteredModel

ID_ATTEMPTS = 64
"""How many ids a name may have: one, and one more for each model there is that was renamed away from it."""
IS_PROMPT_TAG = "mlflow.prompt.is_prompt"
STAGES: tuple[str, ...] = get_args(e.ModelVersionStage)
ACTIVE_STAGES = ("Staging", "Production")
"""Stages whose versions can be archived when another version enters."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a version is made of."""

    source: str
    storage_location: str | None
    """Where the files are, where that is not the source."""
    run_id: str | None
    model_id: str | None


def candidate_ids(name: str) -> list[str]:
    """Return the ids that a registered model of this name may get, the preferred one first."""
    return [registered_model_id_of(name, attempt) for attempt in range(ID_ATTEMPTS)]


def create_model(
    name: str,
    description: str,
    tags: Mapping[str, str],
    bearer: RegisteredModel | None,
    held: AbstractSet[str],
) -> e.RegisteredModelCreated:
    """Decide on a new registered model.

    `bearer` is the model that has the name now, `held` those of `candidate_ids` that are taken.
    """
    name = validate.model_name(name)
    checked = checked_tags(tags)
    if bearer is not None:
        raise name_taken(name, is_prompt(bearer.tags), is_prompt(checked))
    free = next((candidate for candidate in candidate_ids(name) if candidate not in held), None)
    if free is None:
        raise Conflict(
            f"the name {name!r} has been given away by renaming {ID_ATTEMPTS} times; choose another"
        )
    return e.RegisteredModelCreated(free, name, new_id(), _description(description), checked)


def describe_model(model: RegisteredModel, description: str) -> e.RegisteredModelUpdated:
    """Decide on another description."""
    return e.RegisteredModelUpdated(model.registered_model_id, _description(description))


def rename_model(
    model: RegisteredModel, name: str, bearer: RegisteredModel | None, field: str = "name"
) -> list[e.RegisteredModelRenamed]:
    """Decide on another name; the one that it has already is no change."""
    name = validate.model_name(name, field)
    if name == model.name:
        return []
    if bearer is not None:
        raise AlreadyExists(f"Registered Model (name={name}) already exists.")
    return [e.RegisteredModelRenamed(model.registered_model_id, name)]


def delete_model(model: RegisteredModel) -> e.RegisteredModelDeleted:
    """Decide on a deletion, for good."""
    return e.RegisteredModelDeleted(model.registered_model_id)


def tag_model(model: RegisteredModel, tags: Mapping[str, str]) -> list[e.RegisteredModelTagsSet]:
    """Decide on tags; no tags are no change."""
    checked = checked_tags(tags)
    return [e.RegisteredModelTagsSet(model.registered_model_id, checked)] if checked else []


def untag_model(model: RegisteredModel, key: str) -> list[e.RegisteredModelTagsDeleted]:
    """Decide on the removal of a tag; one that is not set is no change."""
    key = validate.key(key, "key")
    return [e.RegisteredModelTagsDeleted(model.registered_model_id, [key])] if key in model.tags else []


def create_version(
    model: RegisteredModel,
    lineage: Lineage,
    run_link: str,
    description: str,
    tags: Mapping[str, str],
    user_id: str = "",
) -> e.ModelVersionCreated:
    """Decide on a new version; its number comes with the log's order."""
    return e.ModelVersionCreated(
        model.registered_model_id,
        new_id(),
        validate.text(lineage.source, "source", validate.MAX_MODEL_LOCATION),
        lineage.storage_location,
        lineage.run_id,
        lineage.model_id,
        validate.text(run_link, "run_link", validate.MAX_MODEL_LOCATION) or None,
        _description(description),
        user_id,
        checked_tags(tags),
    )


def describe_version(version: ModelVersion, description: str) -> e.ModelVersionUpdated:
    """Decide on another description."""
    return e.ModelVersionUpdated(version.registered_model_id, version.version, _description(description))


def move_version(version: ModelVersion, stage: str, *, archive_existing: bool) -> e.ModelVersionStageSet:
    """Decide on another stage, in any spelling of case."""
    wanted = canonical_stage(stage)
    if archive_existing and wanted not in ACTIVE_STAGES:
        raise InvalidInput(
            "stage", stage, f"one of {', '.join(ACTIVE_STAGES)}, where existing versions are to be archived"
        )
    return e.ModelVersionStageSet(version.registered_model_id, version.version, wanted, archive_existing)


def delete_version(version: ModelVersion) -> e.ModelVersionDeleted:
    """Decide on a deletion, for good; the number is not used again."""
    return e.ModelVersionDeleted(version.registered_model_id, version.version)


def tag_version(version: ModelVersion, tags: Mapping[str, str]) -> list[e.ModelVersionTagsSet]:
    """Decide on tags; no tags are no change."""
    checked = checked_tags(tags)
    return [e.ModelVersionTagsSet(version.registered_model_id, version.version, checked)] if checked else []


def untag_version(version: ModelVersion, key: str) -> list[e.ModelVersionTagsDeleted]:
    """Decide on the removal of a tag; one that is not set is no change."""
    key = validate.key(key, "key")
    if key not in version.tags:
        return []
    return [e.ModelVersionTagsDeleted(version.registered_model_id, version.version, [key])]


def point_alias(version: ModelVersion, alias: str) -> e.ModelAliasSet:
    """Decide on what an alias points at."""
    return e.ModelAliasSet(version.registered_model_id, validate.new_model_alias(alias), version.version)


def delete_alias(model: RegisteredModel, alias: str) -> list[e.ModelAliasDeleted]:
    """Decide on the removal of an alias; one that is not there is no change."""
    alias = validate.model_alias(alias)
    return [e.ModelAliasDeleted(model.registered_model_id, alias)] if alias in model.aliases else []


def canonical_stage(stage: str) -> Literal["None", "Staging", "Production", "Archived"]:
    """Return the stage that a name means in any spelling of case. Raises InvalidInput."""
    spellings: dict[str, e.ModelVersionStage] = {
        known.lower(): known for known in get_args(e.ModelVersionStage)
    }
    found = spellings.get(stage.lower())
    if found is None:
        raise InvalidInput("stage", stage, f"one of {', '.join(STAGES)}")
    return found


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Whether these are the tags of a prompt, which MLflow keeps as a registered model."""
    return tags.get(IS_PROMPT_TAG, "false").lower() == "true"


def name_taken(name: str, by_prompt: bool, for_prompt: bool) -> AlreadyExists:
    """Return the error for a name that is taken, in MLflow's words."""
    old, new = ("Prompt" if prompt else "Registered Model" for prompt in (by_prompt, for_prompt))
    if old == new:
        return AlreadyExists(f"{new} (name={name}) already exists.")
    return AlreadyExists(
        f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a"
        f" {old.lower()}. MLflow does not allow creating a model and a prompt with the same name."
    )


def checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags of a model or version as they may go on the log, or raise InvalidInput."""
    return {
        validate.key(key, "key"): validate.text(value, "value", validate.MAX_MODEL_TAG_VALUE)
        for key, value in tags.items()
    }


def _description(text: str) -> str:
    return validate.text(text, "description", validate.MAX_MODEL_TEXT)
