"""The trials of a sweep, as their runs tell of them, and what follows for the sweep."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trackstream.projects.launch_run import LAUNCH_TAG
from trackstream.projects.near_names import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TRIAL_TAG = "trackstream.sweep.trial"
VALUES_TAG = "trackstream.sweep.values"
FIRST = 5
"""Where so many trials have failed and none has not, the project itself is taken to be wrong."""
_MOST_LISTED = 5

State = Literal["running", "finished", "failed", "cancelled"]
_STATES: dict[str, State] = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "cancelled"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: a launch of the project with some values."""

    number: int
    """From 0."""
    values: Mapping[str, str]
    """Of the searched parameters, as the program got them."""
    run_id: str
    launch_id: str
    state: State = "running"
    value: float | None = None
    """The metric's; None where it did not finish, or did not log it."""
    reason: str = ""


def trial_of(run: Mapping[str, Any], metric: str) -> Trial | None:
    """Return the trial that a run of the API is, or None where it is none (any more)."""
    tags = run["tags"]
    try:
        number, values = int(tags[TRIAL_TAG]), json.loads(tags[VALUES_TAG])
        launch_id = str(tags[LAUNCH_TAG])
    except (KeyError, ValueError):
        return None
    if number < 0 or not isinstance(values, dict):
        return None
    state = _STATES.get(run["status"], "running")
    value, reason = (None, "") if state != "finished" else value_of(run, metric)
    if state == "finished" and value is None:
        state = "failed"
    return Trial(number, values, run["run_id"], launch_id, state, value, reason)


def value_of(run: Mapping[str, Any], metric: str) -> tuple[float | None, str]:
    """Return the latest value of a metric of a run of the API, or None and why there is none."""
    metrics = run["metrics"]
    if metric not in metrics:
        close = near(metric, metrics)
        own = sorted(name for name in metrics if not name.startswith("system/"))
        if close:
            hint = f"; did you mean {close[0]!r}?"
        elif own:
            hint = f"; it has {', '.join(own[:_MOST_LISTED])}{' …' if len(own) > _MOST_LISTED else ''}"
        else:
            hint = ", nor any other"
        return None, f"it logged no metric {metric!r}{hint}"
    # Not finite ones are texts in JSON.
    value = float(metrics[metric]["value"])
    if not math.isfinite(value):
        return None, f"its {metric} is {value}"
    return value, ""


def best_of(trials: Iterable[Trial], *, maximize: bool) -> Trial | None:
    """Return the trial with the best value, the earlier of equals, or None where none has one."""
    good = [trial for trial in trials if trial.value is not None]
    sign = -1 if maximize else 1
    return min(good, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)


def hopeless(settled: Sequence[Trial]) -> bool:
    """Whether so many trials have ended, and none with a value, that others would not either."""
    return len(settled) >= FIRST and all(trial.value is None for trial in settled)


def by_number(trials: Iterable[Trial]) -> dict[int, Trial]:
    """Return for each number the trial that counts: one with a value before one that runs, failed or was
    cancelled; among equals the later one.
    """
    order = ("cancelled", "failed", "running", "finished")
    found: dict[int, Trial] = {}
    for trial in sorted(trials, key=lambda one: (order.index(one.state), one.run_id)):
        found[trial.number] = trial
    return found
