"""Registered models and their versions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trackstream_api.models.base import Model, Request


class ModelVersion(Model):
    """A version of a registered model as folded from the log."""

    name: str = Field(description="The registered model's name")
    version: int = Field(description="From 1, given by the order of the log")
    registered_model_id: str = Field(description="The registered model's id; stays when it is renamed")
    stage: str = Field(description="None, Staging, Production or Archived")
    aliases: list[str] = Field(description="Aliases that point at the version, sorted")
    source: str = Field(description="URI of the artifacts as given")
    storage_location: str = Field(description="URI of the artifacts with models:/ resolved")
    run_id: str | None = Field(description="Run that made the model")
    model_id: str | None = Field(description="Logged model that it was made of")
    run_link: str | None = Field(description="Address of the run elsewhere")
    description: str
    user_id: str = Field(description="Who registered it; empty where not known")
    created_at: int = Field(description="Milliseconds since the epoch, the producer's clock")
    updated_at: int = Field(description="Milliseconds since the epoch; tags do not count as changes")
    tags: dict[str, str]


class RegisteredModel(Model):
    """A registered model as folded from the log."""

    name: str
    registered_model_id: str = Field(description="Derived from the first name; stays when it is renamed")
    description: str
    created_at: int = Field(description="Milliseconds since the epoch, the producer's clock")
    updated_at: int = Field(description="Milliseconds since the epoch; tags and aliases do not count")
    tags: dict[str, str]
    aliases: dict[str, int] = Field(description="Alias to version")
    last_version: int = Field(description="The highest version so far, deleted ones included; 0 for none")
    latest_versions: list[ModelVersion] = Field(description="The highest version in each stage")
    conflicts: list[dict[str, Any]] = Field(description="Events that lost a race, in log order")


class RegisteredModelPage(Model):
    """Some registered models, in the order asked for."""

    models: list[RegisteredModel]
    next_page_token: str | None = Field(
        description="Give it back as page_token for the next page; null at the end"
    )


class ModelVersionPage(Model):
    """Some versions, in the order asked for."""

    versions: list[ModelVersion]
    next_page_token: str | None = Field(
        description="Give it back as page_token for the next page; null at the end"
    )


class ArtifactPlace(Model):
    """Where the files are that a URI means."""

    run_id: str = Field(description="The owner of the files: a run, or a logged model")
    path: str = Field(description="File or directory; empty for all that the owner has")


class CreateRegisteredModel(Request):
    """A new registered model."""

    name: str = Field(description="At most 256 characters, without '/' and ':', not taken")
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class ChangeRegisteredModel(Request):
    """What to change of a registered model; what is absent stays."""

    name: str | None = None
    description: str | None = None


class CreateModelVersion(Request):
    """A new version; its number is in the answer."""

    source: str = Field(
        description="runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/MODEL_ID, or any other URI",
        examples=["runs:/0192.../model"],
    )
    run_id: str | None = Field(None, description="Run that made the model; taken from the source if absent")
    model_id: str | None = Field(None, description="Logged model; taken from the source if absent")
    run_link: str | None = None
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class ChangeModelVersion(Request):
    """The new description of a version."""

    description: str


class Transition(Request):
    """The stage that a version is to be in."""

    stage: str = Field(description="None, Staging, Production or Archived, in any spelling of case")
    archive_existing: bool = Field(False, description="Archive the other versions of that stage")


class PointAlias(Request):
    """What an alias is to point at."""

    version: int
