"""Events of the model registry, one frozen dataclass per `.avsc` file; see `events`.

`registered_model_id` is derived from the name that the model was created under (`ids.registered_model_id_of`)
and stays when the model is renamed. Nobody chooses a version's number: the log's order gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ModelVersionStage = Literal["None", "Staging", "Production", "Archived"]
STAGES: tuple[ModelVersionStage, ...] = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES: tuple[ModelVersionStage, ...] = ("Staging", "Production")
"""Stages whose versions can be archived when another version enters."""


@dataclass(frozen=True, slots=True)
class RegisteredModelCreated:
    registered_model_id: str
    name: str
    creation_id: str
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredModelUpdated:
    registered_model_id: str
    description: str


@dataclass(frozen=True, slots=True)
class RegisteredModelRenamed:
    registered_model_id: str
    name: str


@dataclass(frozen=True, slots=True)
class RegisteredModelDeleted:
    registered_model_id: str


@dataclass(frozen=True, slots=True)
class RegisteredModelTagsSet:
    registered_model_id: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class RegisteredModelTagsDeleted:
    registered_model_id: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class ModelVersionCreated:
    registered_model_id: str
    creation_id: str
    source: str
    storage_location: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    user_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelVersionUpdated:
    registered_model_id: str
    version: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ModelVersionStageSet:
    registered_model_id: str
    version: int
    stage: ModelVersionStage
    archive_existing: bool


@dataclass(frozen=True, slots=True)
class ModelVersionDeleted:
    registered_model_id: str
    version: int


@dataclass(frozen=True, slots=True)
class ModelVersionTagsSet:
    registered_model_id: str
    version: int
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class ModelVersionTagsDeleted:
    registered_model_id: str
    version: int
    keys: list[str]


@dataclass(frozen=True, slots=True)
class ModelAliasSet:
    registered_model_id: str
    alias: str
    version: int


@dataclass(frozen=True, slots=True)
class ModelAliasDeleted:
    registered_model_id: str
    alias: str


RegistryBody = (
    RegisteredModelCreated
    | RegisteredModelUpdated
    | RegisteredModelRenamed
    | RegisteredModelDeleted
    | RegisteredModelTagsSet
    | RegisteredModelTagsDeleted
    | ModelVersionCreated
    | ModelVersionUpdated
    | ModelVersionStageSet
    | ModelVersionDeleted
    | ModelVersionTagsSet
    | ModelVersionTagsDeleted
    | ModelAliasSet
    | ModelAliasDeleted
)
