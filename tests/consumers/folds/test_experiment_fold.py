"""What each event does to an experiment."""

from __future__ import annotations

import json

import pytest

from trackstream_consumers.folds.experiment import ExperimentState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

CREATED = e.ExperimentCreated("1", "vision", "s3://there", {"team": "a"})


def after(*bodies: e.Body, state: ExperimentState | None = None) -> ExperimentState:
    """Fold the bodies as successive events of one producer, at 5,000 ms, 5,001 ms ..."""
    first = state.version if state else 0
    for number, body in enumerate(bodies, first):
        envelope = e.Envelope(f"event-{number}", 5000 + number, "p", number)
        state = fold(state, e.Event(envelope, body), Position(topics.EXPERIMENTS, 0, number))
    assert state is not None
    return state


def test_a_creation() -> None:
    found = after(CREATED)
    assert (found.name, found.artifact_location, found.tags) == ("vision", "s3://there", {"team": "a"})
    assert (found.lifecycle_stage, found.created_at, found.updated_at) == ("active", 5000, 5000)


def test_the_first_creation_stands() -> None:
    before = after(CREATED)
    again = after(e.ExperimentCreated("1", "vision", "elsewhere", {"team": "b"}), state=before)
    assert (again.artifact_location, again.tags, again.conflicts) == ("s3://there", {"team": "a"}, ())
    assert again.updated_at == 5000


def test_a_creation_under_an_id_whose_experiment_was_renamed_is_a_visible_conflict() -> None:
    found = after(CREATED, e.ExperimentRenamed("1", "seeing"), CREATED)
    (entry,) = map(json.loads, found.conflicts)
    assert found.name == "seeing"
    assert (entry["kind"], entry["kept"], entry["rejected"]) == ("experiment", "seeing", "vision")
    assert entry["position"] == "trackstream.experiments:0:2"


def test_tags_are_set_and_deleted() -> None:
    found = after(CREATED, e.ExperimentTagsSet("1", {"team": "b", "x": "1"}))
    assert found.tags == {"team": "b", "x": "1"}
    assert after(e.ExperimentTagsDeleted("1", ["x"]), state=found).tags == {"team": "b"}


def test_deleting_and_restoring() -> None:
    deleted = after(CREATED, e.ExperimentDeleted("1"))
    assert (deleted.lifecycle_stage, deleted.updated_at) == ("deleted", 5001)
    assert after(e.ExperimentRestored("1"), state=deleted).lifecycle_stage == "active"


def test_a_name_can_be_used_again_after_a_purge() -> None:
    purged = after(CREATED, e.ExperimentDeleted("1"), e.ExperimentPurged("1"))
    assert (purged.lifecycle_stage, purged.tags, purged.created_at) == ("purged", {}, 0)
    assert after(e.ExperimentTagsSet("1", {"a": "1"}), state=purged).tags == {}
    anew = after(e.ExperimentCreated("1", "vision"), state=purged)
    assert (anew.lifecycle_stage, anew.name, anew.created_at) == ("active", "vision", 5003)


def test_strays_wait_for_the_creation_and_count_as_later() -> None:
    strays = after(e.ExperimentTagsSet("1", {"team": "b"}), e.ExperimentRenamed("1", "seeing"))
    assert strays.created_at == 0
    found = after(CREATED, state=strays)
    assert (found.name, found.tags, found.created_at) == ("seeing", {"team": "b"}, 5002)


def test_an_event_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="RunDeleted"):
        after(e.RunDeleted("r"))
