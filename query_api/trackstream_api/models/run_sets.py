"""Many runs at once: how many, in which groups, with which keys, and acts on a selection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trackstream_api.models.base import Model, Request
from trackstream_api.models.runs import AS_OF, View

MOST_RUNS = 1000
"""Runs that one act may name."""


class CountRuns(Request):
    """Which runs to count: as in a search."""

    experiment_ids: list[str] | None = None
    experiment_names: list[str] | None = None
    filter: str = ""
    view: View = "active"
    as_of: str | None = Field(None, description=AS_OF)


class RunCount(Model):
    """How many runs match."""

    count: int


class GroupRuns(CountRuns):
    """What to group runs by, and which metric to sum each group up by."""

    by: str = Field(description="A param, a tag, status, user_id or run_name", examples=["params.lr"])
    metric: str | None = Field(None, description="Its latest values are compared within each group")
    mode: Literal["min", "max"] = "min"
    limit: int = Field(200, ge=1, le=10_000)


class RunGroup(Model):
    """The runs that share a value."""

    value: str | None = Field(description="null: runs that have no such param or tag")
    count: int
    measured: int = Field(description="How many of them have a number for the metric")
    best: float | None = Field(description="null where none has one")
    best_run_id: str | None
    mean: float | None


class RunGroups(Model):
    """Groups: the best first where a metric is asked for, else the largest; those without a number last."""

    groups: list[RunGroup]
    more: bool = Field(description="Whether there are further groups beyond the limit")


class KeysOfRuns(Request):
    """Of which runs the keys are wanted."""

    experiment_ids: list[str] | None = Field(None, description="Without it: of all runs")
    as_of: str | None = Field(None, description=AS_OF)


class RunKeys(Model):
    """Names that can stand behind `params.`, `metrics.` and `tags.`, sorted."""

    params: list[str]
    metrics: list[str]
    tags: list[str]
    more: bool = Field(description="Whether a kind has more keys than are told")


class SomeRuns(Request):
    """A selection of runs."""

    run_ids: list[str] = Field(min_length=1, max_length=MOST_RUNS)


class TagRuns(SomeRuns):
    """Tags for a selection of runs."""

    tags: dict[str, str]


class RunsChanged(Model):
    """What an act on a selection did."""

    changed: list[str] = Field(description="Ids of the runs that it changed")
    unchanged: list[str] = Field(description="Ids of those that were that way already")
