"""What an entity's events say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream.entity_history import experiment_facts, run_facts
from trackstream_schemas import events as e

if TYPE_CHECKING:
    from collections.abc import Sequence


def history(*bodies: e.Body, sequences: Sequence[int] = ()) -> list[e.Event]:
    numbers = sequences or range(len(bodies))
    return [e.Event(e.Envelope("", 0, "p", n), body) for n, body in zip(numbers, bodies, strict=True)]


CREATED = e.ExperimentCreated("1", "x")
STARTED = e.RunStarted("r", "1", "one", 5, "ann")


@pytest.mark.parametrize(
    ("events", "stage", "name"),
    [
        ([], "absent", ""),
        ([CREATED], "active", "x"),
        ([CREATED, e.ExperimentCreated("1", "y")], "active", "x"),
        ([CREATED, e.ExperimentRenamed("1", "y")], "active", "y"),
        ([CREATED, e.ExperimentDeleted("1")], "deleted", "x"),
        ([CREATED, e.ExperimentDeleted("1"), e.ExperimentRestored("1")], "active", "x"),
        ([CREATED, e.ExperimentPurged("1")], "absent", ""),
        ([CREATED, e.ExperimentPurged("1"), CREATED], "active", "x"),
        ([e.ExperimentTagsSet("1", {})], "absent", ""),
    ],
)
def test_experiments(events: list[e.Body], stage: str, name: str) -> None:
    facts = experiment_facts(history(*events))
    assert (facts.stage, facts.name) == (stage, name)


def test_runs() -> None:
    assert run_facts([]).stage == "absent"
    facts = run_facts(
        history(
            STARTED,
            e.ParamsLogged("r", {"a": "1"}),
            e.ParamsLogged("r", {"a": "2", "b": "3"}),
            e.RunUpdated("r", name="two"),
            e.RunUpdated("r", "FINISHED", 9),
        )
    )
    assert (facts.stage, facts.experiment_id, facts.name, facts.user_id) == ("active", "1", "two", "ann")
    assert (facts.start_time, facts.params) == (5, {"a": "1", "b": "3"})
    assert run_facts(history(STARTED, e.RunDeleted("r"))).stage == "deleted"
    assert run_facts(history(STARTED, e.RunDeleted("r"), e.RunRestored("r"))).stage == "active"
    assert run_facts(history(STARTED, e.RunPurged("r"), STARTED)).stage == "absent"


def test_an_event_appended_again_changes_nothing() -> None:
    events = history(
        STARTED, e.RunDeleted("r"), e.RunRestored("r"), e.RunDeleted("r"), sequences=[0, 1, 2, 1]
    )
    assert run_facts(events).stage == "active"
