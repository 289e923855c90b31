"""The model registry as MLflow's messages: what its endpoints read and what they answer.

Source: mlflow.protos.model_registry_pb2.
"""

from typing import Any

from trackstream_api.mlflow.messages import Int64, Message, Repeated, Required, entries, present
from trackstream_api.models.registry import ModelVersion, RegisteredModel


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


class SearchMessage(Message):
    filter: str | None = None
    max_results: Int64 | None = None
    order_by: Repeated[str]
    page_token: str | None = None


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
