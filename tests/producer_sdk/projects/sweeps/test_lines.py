"""What is told of trials."""

from __future__ import annotations

from trackstream.projects.sweeps.lines import best_so_far, line_of
from trackstream.projects.sweeps.plan import Plan
from trackstream.projects.sweeps.trials import Trial

PLAN = Plan("bowl", {"x": "0:1"}, "loss")


def test_a_trial_that_gave_a_value() -> None:
    trial = Trial(3, {"x": "0.25"}, "r3", "l3", "finished", 0.0025)
    line = "trial 3: loss 0.0025{} (x=0.25; run r3)"
    assert line_of(trial, PLAN, is_best=False) == line.format("")
    assert line_of(trial, PLAN, is_best=True) == line.format(", the best so far")
    assert best_so_far(trial, PLAN) == "the best so far: loss 0.0025 (trial 3: x=0.25; run r3)"


def test_a_trial_without_a_value() -> None:
    trial = Trial(0, {"x": "1"}, "r0", "l0", "cancelled", None, "signal SIGTERM")
    assert line_of(trial, PLAN, is_best=False) == "trial 0 cancelled: signal SIGTERM (x=1; run r0)"
    assert best_so_far(None, PLAN) == "no trial has given loss yet"
