"""What each event does to a run."""

from __future__ import annotations

import json

import pytest

from trackstream_consumers.folds.order import MAX_CONFLICTS
from trackstream_consumers.folds.run import RUN_NAME_TAG, UNSTARTED, RunState, fold
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent
from trackstream_schemas.position import Position

START = e.RunStarted("r", "7", "quick-fox", 1000, "ann", {"team": "vision"})


def after(*bodies: e.Body, state: RunState | None = None) -> RunState:
    """Fold the bodies as successive events of one producer, at 5,000 ms, 5,001 ms ..."""
    first = state.version if state else 0
    for number, body in enumerate(bodies, first):
        envelope = e.Envelope(f"event-{number}", 5000 + number, "p", number)
        state = fold(state, e.Event(envelope, body), Position(topics.RUNS, 0, number))
    assert state is not None
    return state


def test_a_start_makes_a_running_run() -> None:
    run = after(START)
    assert (run.experiment_id, run.name, run.user_id, run.start_time) == ("7", "quick-fox", "ann", 1000)
    assert (run.status, run.lifecycle_stage, run.end_time) == ("RUNNING", "active", None)
    assert run.tags == {"team": "vision", RUN_NAME_TAG: "quick-fox"}


def test_the_same_start_again_changes_nothing() -> None:
    before = after(START)
    again = after(START, state=before)
    assert (again.conflicts, again.tags, again.status) == ((), before.tags, "RUNNING")


def test_another_start_is_a_visible_conflict() -> None:
    run = after(START, e.RunStarted("r", "8", "slow-dog", 2000))
    (entry,) = map(json.loads, run.conflicts)
    assert run.experiment_id == "7"
    assert (entry["kind"], entry["event_id"], entry["position"]) == ("run", "event-1", "trackstream.runs:0:1")
    assert (entry["kept"]["experiment_id"], entry["rejected"]["experiment_id"]) == ("7", "8")


def test_an_end_is_taken_over_and_a_resumption_takes_it_back() -> None:
    ended = after(START, e.RunUpdated("r", "FINISHED", 3000))
    assert (ended.status, ended.end_time) == ("FINISHED", 3000)
    resumed = after(e.RunUpdated("r", "RUNNING"), state=ended)
    assert (resumed.status, resumed.end_time) == ("RUNNING", None)


def test_an_update_leaves_alone_what_it_does_not_name() -> None:
    run = after(START, e.RunUpdated("r", "FAILED", 3000), e.RunUpdated("r", name="new"))
    assert (run.status, run.end_time, run.name) == ("FAILED", 3000, "new")


@pytest.mark.parametrize(
    "rename", [e.RunUpdated("r", name="new"), e.TagsSet("r", {RUN_NAME_TAG: "new"})], ids=["update", "tag"]
)
def test_name_and_name_tag_are_one(rename: e.Body) -> None:
    run = after(START, rename)
    assert (run.name, run.tags[RUN_NAME_TAG]) == ("new", "new")


def test_a_name_tag_names_a_run_that_starts_without_a_name() -> None:
    assert after(e.RunStarted("r", "7", "", 1000, tags={RUN_NAME_TAG: "by-tag"})).name == "by-tag"


def test_an_empty_name_tag_does_not_take_the_name() -> None:
    assert after(START, e.TagsSet("r", {RUN_NAME_TAG: ""})).name == "quick-fox"


def test_the_first_value_of_a_param_stands() -> None:
    run = after(START, e.ParamsLogged("r", {"lr": "0.1"}), e.ParamsLogged("r", {"lr": "0.2", "n": "1"}))
    (entry,) = map(json.loads, run.conflicts)
    assert run.params == {"lr": "0.1", "n": "1"}
    assert entry == {
        "event_id": "event-2",
        "kind": "param",
        "key": "lr",
        "kept": "0.1",
        "rejected": "0.2",
        "position": "trackstream.runs:0:2",
    }


def test_the_same_value_of_a_param_is_no_conflict() -> None:
    assert after(START, *[e.ParamsLogged("r", {"lr": "0.1"})] * 2).conflicts == ()


def test_the_last_value_of_a_tag_stands_and_a_deleted_one_goes() -> None:
    run = after(START, e.TagsSet("r", {"a": "1", "b": "1"}), e.TagsSet("r", {"a": "2"}))
    assert (run.tags["a"], run.tags["b"]) == ("2", "1")
    assert "a" not in after(e.TagsDeleted("r", ["a", "unknown"]), state=run).tags


def test_an_input_is_kept_once() -> None:
    data = e.DatasetInput("digits", "abc", "sklearn", "load_digits")
    other = e.DatasetInput("digits", "def", "sklearn", "load_digits")
    run = after(START, e.InputsLogged("r", [data]), e.InputsLogged("r", [data, other]))
    assert run.inputs == (data, other)


def test_deleting_and_restoring() -> None:
    deleted = after(START, e.RunDeleted("r"), e.RunDeleted("r"))
    assert (deleted.lifecycle_stage, deleted.deleted_at) == ("deleted", 5001)
    assert after(e.ParamsLogged("r", {"late": "1"}), state=deleted).params == {"late": "1"}
    restored = after(e.RunRestored("r"), state=deleted)
    assert (restored.lifecycle_stage, restored.deleted_at) == ("active", None)


def test_a_purge_is_for_ever() -> None:
    run = after(START, e.ParamsLogged("r", {"lr": "1"}), e.RunPurged("r"), START, e.TagsSet("r", {"a": "1"}))
    assert run == RunState("r", lifecycle_stage="purged", applied={"p": 4}, version=5)


def test_strays_wait_for_the_start_and_count_as_later() -> None:
    strays = after(
        e.ParamsLogged("r", {"lr": "1"}),
        e.TagsSet("r", {"team": "audio"}),
        e.RunUpdated("r", "FAILED", 3000),
        e.RunDeleted("r"),
    )
    assert (strays.status, strays.experiment_id) == (UNSTARTED, "")
    run = after(START, state=strays)
    assert (run.status, run.stray_status, run.end_time, run.start_time) == ("FAILED", "", 3000, 1000)
    assert (run.params, run.tags["team"], run.lifecycle_stage) == ({"lr": "1"}, "audio", "deleted")


def test_conflicts_without_end_are_counted() -> None:
    overwrites = [e.ParamsLogged("r", {"lr": str(number)}) for number in range(MAX_CONFLICTS + 30)]
    run = after(START, *overwrites)
    assert len(run.conflicts) == MAX_CONFLICTS + 1
    assert json.loads(run.conflicts[-1]) == {"kind": "further", "count": 29}


def test_another_partition_is_refused() -> None:
    event = e.Event(e.Envelope("e", 1, "q", 0), e.TagsSet("r", {"a": "1"}))
    with pytest.raises(MalformedEvent, match="partition: got 3, expected 0"):
        fold(after(START), event, Position(topics.RUNS, 3, 9))


def test_an_event_of_something_else_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="ExperimentDeleted"):
        after(e.ExperimentDeleted("7"))
