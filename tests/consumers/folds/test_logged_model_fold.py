"""What each event makes of a logged model."""

from __future__ import annotations

import json

import pytest

from trackstream_consumers.folds.logged_model import LoggedModelState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

CREATED = e.LoggedModelCreated("m", "7", "forest", "r", "Agent", {"depth": "3"}, {"a": "1"})


def folded(*bodies: e.Body) -> LoggedModelState:
    state: LoggedModelState | None = None
    for number, body in enumerate(bodies):
        event = e.Event(e.Envelope(f"event-{number}", 1000 + number, "p", number), body)
        state = fold(state, event, Position(topics.LOGGED_MODELS, 0, number))
    assert state is not None
    return state


def test_a_model_begins_pending() -> None:
    state = folded(CREATED)
    assert (state.experiment_id, state.name, state.source_run_id, state.model_type) == (
        "7",
        "forest",
        "r",
        "Agent",
    )
    assert (state.status, state.lifecycle_stage, state.created_at, state.updated_at) == (
        "PENDING",
        "active",
        1000,
        1000,
    )
    assert (state.params, state.tags, state.version) == ({"depth": "3"}, {"a": "1"}, 1)


def test_finalizing_and_deleting_are_updates_and_tags_are_not() -> None:
    assert folded(CREATED, e.LoggedModelTagsSet("m", {"b": "2"})).updated_at == 1000
    ready = folded(CREATED, e.LoggedModelFinalized("m", "READY"))
    assert (ready.status, ready.updated_at) == ("READY", 1001)
    deleted = folded(CREATED, e.LoggedModelDeleted("m"))
    assert (deleted.lifecycle_stage, deleted.updated_at) == ("deleted", 1001)


def test_the_first_value_of_a_param_stands_and_the_later_is_a_conflict() -> None:
    state = folded(CREATED, e.LoggedModelParamsLogged("m", {"depth": "4", "leaves": "9"}))
    assert state.params == {"depth": "3", "leaves": "9"}
    (entry,) = map(json.loads, state.conflicts)
    assert (entry["kind"], entry["key"], entry["kept"], entry["rejected"]) == ("param", "depth", "3", "4")


def test_the_first_creation_stands_and_another_is_a_conflict() -> None:
    assert folded(CREATED, CREATED).conflicts == ()
    state = folded(CREATED, e.LoggedModelCreated("m", "8", "tree"))
    assert (state.experiment_id, state.name) == ("7", "forest")
    (entry,) = map(json.loads, state.conflicts)
    assert (entry["kind"], entry["kept"]) == ("logged_model", {"experiment_id": "7", "name": "forest"})


def test_what_comes_before_the_creation_is_kept() -> None:
    state = folded(e.LoggedModelTagsSet("m", {"a": "2"}), e.LoggedModelFinalized("m", "FAILED"), CREATED)
    assert (state.tags, state.status, state.created_at) == ({"a": "2"}, "FAILED", 1002)


def test_tags_that_go() -> None:
    state = folded(CREATED, e.LoggedModelTagsSet("m", {"b": "2"}), e.LoggedModelTagsDeleted("m", ["a", "c"]))
    assert state.tags == {"b": "2"}


def test_measurements_are_no_part_of_the_state() -> None:
    measured = e.LoggedModelMetricsLogged("m", "r", [e.ModelMetric("acc", 0.5, 0, 0)])
    before, after = folded(CREATED), folded(CREATED, measured)
    assert (after.params, after.tags, after.updated_at) == (before.params, before.tags, before.updated_at)
    assert after.version == 2


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="an event of a logged model"):
        folded(e.RunDeleted("r"))
