"""What is told of a sweep's trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackstream.projects.sweeps.plan import Plan
    from trackstream.projects.sweeps.trials import Trial


def line_of(trial: Trial, plan: Plan, *, is_best: bool) -> str:
    """Return a line on a trial that has ended."""
    if trial.value is None:
        said = f"{trial.state}: {trial.reason}" if trial.reason else trial.state
        return f"trial {trial.number} {said} ({_values(trial)}; run {trial.run_id})"
    star = ", the best so far" if is_best else ""
    found = f"{plan.metric} {trial.value:.6g}{star}"
    return f"trial {trial.number}: {found} ({_values(trial)}; run {trial.run_id})"


def best_so_far(best: Trial | None, plan: Plan) -> str:
    """Return what a sweep that is cancelled has found."""
    if best is None or best.value is None:
        return f"no trial has given {plan.metric} yet"
    found = f"{plan.metric} {best.value:.6g}"
    return f"the best so far: {found} (trial {best.number}: {_values(best)}; run {best.run_id})"


def _values(trial: Trial) -> str:
    return " ".join(f"{name}={text}" for name, text in trial.values.items())
