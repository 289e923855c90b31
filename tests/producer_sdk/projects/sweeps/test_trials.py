"""What the runs of a sweep's trials say of it."""

from __future__ import annotations

import pytest

from trackstream.projects.sweeps.plan import Plan, of_tag
from trackstream.projects.sweeps.trials import Trial, best_of, by_number, hopeless, trial_of, value_of
from trackstream_schemas.errors import Conflict, InvalidInput

TAGS = {
    "trackstream.sweep.trial": "3",
    "trackstream.sweep.values": '{"x": "1"}',
    "trackstream.launch_id": "l",
}
RUN = {"run_id": "r", "status": "FINISHED", "tags": TAGS, "metrics": {"loss": {"value": 0.5}}}


def trial(number: int, value: float | None, state: str = "", run_id: str = "r") -> Trial:
    return Trial(number, {}, run_id, "l", state or ("failed" if value is None else "finished"), value)  # type: ignore[arg-type]


def test_a_run_is_a_trial() -> None:
    assert trial_of(RUN, "loss") == Trial(3, {"x": "1"}, "r", "l", "finished", 0.5)
    assert trial_of({**RUN, "status": "RUNNING"}, "loss") == Trial(3, {"x": "1"}, "r", "l")
    assert trial_of({**RUN, "status": "KILLED"}, "loss") == Trial(3, {"x": "1"}, "r", "l", "cancelled")
    without = trial_of(RUN, "los")
    assert without is not None
    assert (without.state, without.value) == ("failed", None)
    assert without.reason == "it logged no metric 'los'; did you mean 'loss'?"


@pytest.mark.parametrize(
    "tags", [{}, {**TAGS, "trackstream.sweep.trial": "x"}, {**TAGS, "trackstream.sweep.values": "[1"}]
)
def test_other_children_are_none(tags: dict[str, str]) -> None:
    assert trial_of({**RUN, "tags": tags}, "loss") is None


def test_a_value_that_is_no_number_is_none() -> None:
    assert value_of({"metrics": {"loss": {"value": "NaN"}}}, "loss") == (None, "its loss is nan")
    assert value_of({"metrics": {}}, "loss") == (None, "it logged no metric 'loss', nor any other")
    assert value_of({"metrics": {"a": {"value": 1}}}, "loss")[1] == "it logged no metric 'loss'; it has a"


def test_the_best() -> None:
    trials = [trial(0, 2.0), trial(1, None), trial(2, 1.0), trial(3, 1.0), trial(4, 3.0)]
    assert best_of(trials, maximize=False) == trials[2]
    assert best_of(trials, maximize=True) == trials[4]
    assert best_of([trial(1, None)], maximize=True) is None


def test_when_a_sweep_is_given_up() -> None:
    failed = [trial(number, None) for number in range(5)]
    assert hopeless(failed)
    assert not hopeless(failed[:4])
    assert not hopeless([*failed[:4], trial(4, 0.0)])
    assert not hopeless([*failed, trial(5, 0.0)])


def test_of_several_runs_of_a_number_one_counts() -> None:
    done, running = trial(0, 1.0, run_id="a"), trial(1, None, "running", "b")
    found = by_number([done, trial(0, None, "cancelled", "z"), trial(1, None, "cancelled", "c"), running])
    assert found == {0: done, 1: running}


def test_a_plan_is_kept_without_secrets() -> None:
    plan = Plan(
        "https://ann:hunter2@host/x.git",
        {"x": "0:1", "api_key": "hunter2", "n": "7"},
        "loss",
        seed=3,
        trials=4,
    )
    plan.check()
    kept = plan.as_tag()
    assert "hunter2" not in kept
    again = of_tag(kept, {"api_key": "hunter2"}, "r")
    assert again.space() == plan.space()
    assert (again.seed, again.trials, again.uri) == (3, 4, "https://host/x.git")
    with pytest.raises(InvalidInput, match="parameter api_key"):
        of_tag(kept, {}, "r")
    with pytest.raises(InvalidInput, match="only secrets beside --resume"):
        of_tag(kept, {"api_key": "x", "n": "8"}, "r")
    for text in ("", "[]", '{"uri": "x"}', '{"of": "another version"}'):
        with pytest.raises(Conflict):
            of_tag(text, {}, "r")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trials": 0}, "trials"),
        ({"parallel": 1000}, "parallel"),
        ({"metric": ""}, "metric"),
        ({"seed": -1}, "seed"),
        ({"sampler": "best"}, "sampler"),
        ({"uri": "x" * 5000}, "project URI"),
    ],
)
def test_what_cannot_be_right(changes: dict[str, object], told: str) -> None:
    given: dict[str, object] = {"uri": ".", "parameters": {"x": "0:1"}, "metric": "loss", **changes}
    with pytest.raises(InvalidInput, match=told):
        Plan(**given).check()  # type: ignore[arg-type]
