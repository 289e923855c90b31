"""The registry's folds: numbers by log order, first come names, and what a version takes from its model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from trackstream_consumers.folds import model_version, registered_model
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

if TYPE_CHECKING:
    from trackstream_consumers.folds.model_version import ModelVersionState
    from trackstream_consumers.folds.registered_model import RegisteredModelState

CREATED = e.RegisteredModelCreated("1", "guard", "c", "finds faults", {"team": "a"})


def event(number: int, body: e.Body, producer: str = "p") -> e.Event:
    return e.Event(e.Envelope(f"event-{number}", 1000 + number, producer, number), body)


def at(number: int) -> Position:
    return Position(topics.REGISTRY, 0, number)


def after(*bodies: e.RegistryBody) -> RegisteredModelState:
    state = None
    for number, body in enumerate(bodies):
        state = registered_model.fold(state, event(number, body), at(number))
    assert state is not None
    return state


def versions_after(*bodies: e.RegistryBody) -> dict[int, ModelVersionState]:
    model: RegisteredModelState | None = None
    found: dict[int, ModelVersionState] = {}
    for number, body in enumerate(bodies):
        before, model = model, registered_model.fold(model, event(number, body), at(number))
        for touched in model_version.touched(before, body, model):
            found[touched] = model_version.fold(
                found.get(touched), touched, event(number, body), at(number), model
            )
    return found


def made(number: int) -> e.ModelVersionCreated:
    return e.ModelVersionCreated("1", f"creation-{number}", f"runs:/r/{number}", tags={"n": str(number)})


def conflicts(state: RegisteredModelState) -> list[dict[str, object]]:
    return [json.loads(entry) for entry in state.conflicts]


def test_numbers_have_no_gap_and_are_not_used_again() -> None:
    state = after(CREATED, made(1), made(2), made(3), e.ModelVersionDeleted("1", 3), made(4))
    assert state.stages == {1: "None", 2: "None", 4: "None"}
    assert state.last_version == 4


def test_a_version_moves_through_stages_and_archives_others() -> None:
    moves: list[e.RegistryBody] = [
        e.ModelVersionStageSet("1", 1, "Production", False),
        e.ModelVersionStageSet("1", 2, "Production", False),
        e.ModelVersionStageSet("1", 3, "Production", True),
    ]
    bodies: list[e.RegistryBody] = [CREATED, made(1), made(2), made(3), *moves]
    assert after(*bodies).stages == {1: "Archived", 2: "Archived", 3: "Production"}
    found = versions_after(*bodies)
    assert [found[number].stage for number in (1, 2, 3)] == ["Archived", "Archived", "Production"]
    assert [found[number].updated_at for number in (1, 2, 3)] == [1006, 1006, 1006]


def test_aliases_point_at_versions_that_are_there() -> None:
    state = after(
        CREATED,
        made(1),
        made(2),
        e.ModelAliasSet("1", "champion", 1),
        e.ModelAliasSet("1", "champion", 2),
        e.ModelAliasSet("1", "old", 1),
        e.ModelAliasSet("1", "gone", 7),
        e.ModelVersionDeleted("1", 1),
    )
    assert state.aliases == {"champion": 2}
    assert [(entry["kind"], entry["key"], entry["rejected"]) for entry in conflicts(state)] == [
        ("version", "ModelAliasSet", 7)
    ]
    assert after(CREATED, made(1), e.ModelAliasSet("1", "a", 1), e.ModelAliasDeleted("1", "a")).aliases == {}


def test_the_second_creation_of_a_name_is_a_conflict() -> None:
    state = after(CREATED, e.RegisteredModelCreated("1", "guard", "d", "other"))
    assert (state.creation_id, state.description) == ("c", "finds faults")
    assert [(entry["kept"], entry["rejected"]) for entry in conflicts(state)] == [("c", "d")]


def test_a_name_that_another_model_has_is_refused() -> None:
    refused = registered_model.fold(None, event(0, CREATED), at(0), taken=True)
    assert (refused.lifecycle_stage, refused.name) == ("absent", "")
    assert len(refused.conflicts) == 1
    renamed = registered_model.fold(
        after(CREATED), event(9, e.RegisteredModelRenamed("1", "taken")), at(9), taken=True
    )
    assert (renamed.name, len(renamed.conflicts)) == ("guard", 1)


def test_a_rename_keeps_all_but_the_name_and_touches_every_version() -> None:
    bodies: list[e.RegistryBody] = [
        CREATED,
        made(1),
        made(2),
        e.ModelAliasSet("1", "a", 1),
        e.RegisteredModelRenamed("1", "watch"),
    ]
    state = after(*bodies)
    assert (state.name, state.aliases, state.last_version, state.tags) == (
        "watch",
        {"a": 1},
        2,
        {"team": "a"},
    )
    assert {found.updated_at for found in versions_after(*bodies).values()} == {1004}
    same: list[e.RegistryBody] = [*bodies, e.RegisteredModelRenamed("1", "watch")]
    assert {found.updated_at for found in versions_after(*same).values()} == {1004}


def test_a_deleted_model_begins_anew() -> None:
    bodies: list[e.RegistryBody] = [
        CREATED,
        made(1),
        made(2),
        e.ModelAliasSet("1", "a", 2),
        e.RegisteredModelDeleted("1"),
    ]
    state = after(*bodies)
    assert (state.lifecycle_stage, state.stages, state.aliases) == ("deleted", {}, {})
    assert {found.lifecycle_stage for found in versions_after(*bodies).values()} == {"deleted"}
    again: list[e.RegistryBody] = [*bodies, e.RegisteredModelCreated("1", "guard", "d"), made(9)]
    assert (after(*again).creation_id, after(*again).stages, after(*again).tags) == ("d", {1: "None"}, {})
    found = versions_after(*again)
    assert (found[1].source, found[1].lifecycle_stage, found[1].tags) == ("runs:/r/9", "active", {"n": "9"})
    assert found[2].lifecycle_stage == "deleted"


@pytest.mark.parametrize(
    "body",
    [
        made(1),
        e.RegisteredModelRenamed("1", "x"),
        e.RegisteredModelTagsSet("1", {"a": "1"}),
        e.ModelAliasDeleted("1", "x"),
        e.RegisteredModelDeleted("1"),
    ],
)
def test_events_of_a_model_that_is_not_there_are_conflicts(body: e.RegistryBody) -> None:
    state = after(body)
    assert (state.lifecycle_stage, state.stages, state.tags) == ("absent", {}, {})
    assert [entry["rejected"] for entry in conflicts(state)] == [None]
    assert after(body, CREATED).lifecycle_stage == "active"


def test_a_version_keeps_what_it_was_made_of() -> None:
    full = e.ModelVersionCreated(
        "1", "c", "models:/m-1", "mlflow-artifacts:/0", "r", "m-1", "http://x", "d", "ann"
    )
    bodies: list[e.RegistryBody] = [
        CREATED,
        full,
        e.ModelVersionTagsSet("1", 1, {"a": "1", "b": "2"}),
        e.ModelVersionTagsDeleted("1", 1, ["a"]),
        e.ModelVersionUpdated("1", 1, "better"),
        e.ModelVersionTagsSet("1", 8, {"a": "1"}),
    ]
    (state,) = versions_after(*bodies).values()
    assert (state.source, state.storage_location) == ("models:/m-1", "mlflow-artifacts:/0")
    assert (state.run_id, state.model_id, state.run_link, state.user_id) == ("r", "m-1", "http://x", "ann")
    assert (state.description, state.tags, state.created_at, state.updated_at) == (
        "better",
        {"b": "2"},
        1001,
        1004,
    )


def test_a_version_skips_events_that_it_holds() -> None:
    """As after a kill between the versions' rows and their model's."""
    bodies: list[e.RegistryBody] = [
        CREATED,
        made(1),
        e.ModelVersionTagsSet("1", 1, {"a": "1"}),
        e.ModelVersionTagsDeleted("1", 1, ["a"]),
    ]
    late = versions_after(*bodies)[1]
    earlier = bodies[2]
    assert model_version.fold(late, 1, event(2, earlier), at(2), after(*bodies[:3])) is late


def test_other_events_are_refused() -> None:
    with pytest.raises(MalformedEvent):
        registered_model.fold(None, event(0, e.RunDeleted("r")), at(0))
