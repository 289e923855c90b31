"""What producers may append about the model registry: no more than the registry's own commands make."""

from __future__ import annotations

from trackstream_api.registry.commands import checked_tags
from trackstream_schemas import events as e
from trackstream_schemas import validate

_MAX_CREATION_ID = 64
_MAX_USER_ID = 500


def check_registry_event(body: e.RegistryBody) -> None:
    """Raise InvalidInput for an event that no command would have made."""
    validate.registered_model_id(body.registered_model_id)
    if isinstance(body, e.RegisteredModelCreated | e.RegisteredModelRenamed):
        validate.model_name(body.name)
    if isinstance(body, e.RegisteredModelCreated | e.ModelVersionCreated):
        validate.text(body.creation_id, "creation_id", _MAX_CREATION_ID)
        checked_tags(body.tags)
    if isinstance(
        body,
        e.RegisteredModelCreated | e.RegisteredModelUpdated | e.ModelVersionCreated | e.ModelVersionUpdated,
    ):
        validate.text(body.description or "", "description", validate.MAX_MODEL_TEXT)
    match body:
        case e.RegisteredModelTagsSet() | e.ModelVersionTagsSet():
            checked_tags(body.tags)
        case e.RegisteredModelTagsDeleted() | e.ModelVersionTagsDeleted():
            for key in body.keys:
                validate.text(key, "tag key", validate.MAX_KEY)
        case e.ModelVersionCreated():
            _check_version(body)
        case e.ModelAliasSet():
            validate.new_model_alias(body.alias)
        case e.ModelAliasDeleted():
            validate.model_alias(body.alias)
    if not isinstance(body, e.ModelVersionCreated) and hasattr(body, "version"):
        validate.model_version(body.version)


def _check_version(body: e.ModelVersionCreated) -> None:
    validate.text(body.source, "source", validate.MAX_MODEL_LOCATION)
    validate.text(body.storage_location or "", "storage_location", validate.MAX_MODEL_LOCATION)
    validate.text(body.run_link or "", "run_link", validate.MAX_MODEL_LOCATION)
    validate.text(body.user_id, "user_id", _MAX_USER_ID)
    for field, value in (("run_id", body.run_id), ("model_id", body.model_id)):
        if value is not None:
            validate.run_id(value, field)
