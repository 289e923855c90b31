"""Decisions about the model registry, and what producers may append about it."""

from __future__ import annotations

from typing import Any

import pytest

from trackstream_api.ingest.registry import check_registry_event
from trackstream_api.models.registry import ModelVersion, RegisteredModel
from trackstream_api.registry import commands
from trackstream_schemas import events as e
from trackstream_schemas.errors import AlreadyExists, Conflict, InvalidInput
from trackstream_schemas.ids import registered_model_id_of


def model(**fields: Any) -> RegisteredModel:
    known = {
        "name": "m",
        "registered_model_id": "1",
        "description": "",
        "created_at": 1,
        "updated_at": 1,
        "tags": {},
        "aliases": {},
        "last_version": 0,
        "latest_versions": [],
        "conflicts": [],
    }
    return RegisteredModel(**{**known, **fields})


def version(**fields: Any) -> ModelVersion:
    return ModelVersion.model_construct(**{"registered_model_id": "1", "version": 3, "tags": {}, **fields})


def test_a_new_model_gets_the_first_id_that_is_free() -> None:
    made = commands.create_model("m", "d", {"a": "1"}, None, set())
    assert (made.registered_model_id, made.name, made.description) == (registered_model_id_of("m"), "m", "d")
    held = {registered_model_id_of("m"), registered_model_id_of("m", 1)}
    assert commands.create_model("m", "", {}, None, held).registered_model_id == registered_model_id_of(
        "m", 2
    )
    with pytest.raises(Conflict):
        commands.create_model("m", "", {}, None, set(commands.candidate_ids("m")))


@pytest.mark.parametrize(
    ("bearer", "wanted", "text"),
    [
        ({}, {}, "Registered Model (name=m) already exists."),
        (
            {commands.IS_PROMPT_TAG: "true"},
            {commands.IS_PROMPT_TAG: "true"},
            "Prompt (name=m) already exists.",
        ),
        ({commands.IS_PROMPT_TAG: "true"}, {}, "already taken by a prompt"),
        ({}, {commands.IS_PROMPT_TAG: "true"}, "already taken by a registered model"),
    ],
)
def test_a_taken_name(bearer: dict[str, str], wanted: dict[str, str], text: str) -> None:
    with pytest.raises(AlreadyExists) as caught:
        commands.create_model("m", "", wanted, model(tags=bearer), set())
    assert text in str(caught.value)


def test_what_changes_nothing_is_no_event() -> None:
    assert commands.rename_model(model(), "m", model()) == []
    assert commands.tag_model(model(), {}) == []
    assert commands.untag_model(model(), "a") == []
    assert commands.untag_version(version(), "a") == []
    assert commands.delete_alias(model(), "a") == []


def test_stages_have_one_spelling() -> None:
    assert commands.move_version(version(), "PRODUCTION", archive_existing=True) == e.ModelVersionStageSet(
        "1", 3, "Production", True
    )
    for stage, archive in (("nowhere", False), ("None", True), ("archived", True)):
        with pytest.raises(InvalidInput):
            commands.move_version(version(), stage, archive_existing=archive)


@pytest.mark.parametrize(
    "body",
    [
        e.RegisteredModelCreated("", "m", "c"),
        e.RegisteredModelCreated("1", "a/b", "c"),
        e.RegisteredModelCreated("1", "m", "c" * 65),
        e.RegisteredModelCreated("1", "m", "c", "d" * 100_001),
        e.RegisteredModelRenamed("1", " "),
        e.RegisteredModelUpdated("1", "\x00"),
        e.RegisteredModelTagsSet("1", {"?": "1"}),
        e.RegisteredModelTagsDeleted("1", ["k" * 251]),
        e.ModelVersionCreated("1", "c", "s" * 4097),
        e.ModelVersionCreated("1", "c", "s", run_id="a b"),
        e.ModelVersionCreated("1", "c", "s", model_id="?"),
        e.ModelVersionCreated("1", "c", "s", tags={"": "1"}),
        e.ModelVersionUpdated("1", -1, "d"),
        e.ModelVersionTagsSet("1", 1, {"a": "v" * 100_001}),
        e.ModelAliasSet("1", "latest", 1),
        e.ModelAliasSet("1", "a b", 1),
        e.ModelAliasDeleted("1", ""),
    ],
    ids=lambda body: type(body).__name__,
)
def test_events_that_no_command_would_make_are_refused(body: e.RegistryBody) -> None:
    with pytest.raises(InvalidInput):
        check_registry_event(body)


@pytest.mark.parametrize(
    "body",
    [
        e.RegisteredModelCreated("1", "m", "c", "d", {"a": "1"}),
        e.ModelVersionCreated("1", "c", "runs:/r/m", None, "r", "m-1", None, "d", "ann", {"a": "1"}),
        e.ModelVersionStageSet("1", 2, "Staging", False),
        e.ModelAliasSet("1", "champion", 2),
        e.ModelAliasDeleted("1", "latest"),
        e.RegisteredModelDeleted("1"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_events_of_commands_are_accepted(body: e.RegistryBody) -> None:
    check_registry_event(body)
