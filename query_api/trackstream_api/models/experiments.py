"""Experiments."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trackstream_api.models.base import Model, Request


class Experiment(Model):
    """An experiment as folded from the log."""

    experiment_id: str = Field(
        description="Decimal string derived from the name; 0 is the default experiment"
    )
    name: str
    artifact_location: str | None = Field(description="Where clients that upload by themselves put artifacts")
    lifecycle_stage: str = Field(description="active or deleted")
    created_at: int = Field(description="Milliseconds since the epoch, the producer's clock")
    updated_at: int = Field(description="Milliseconds since the epoch of the last change")
    tags: dict[str, str]
    conflicts: list[dict[str, Any]] = Field(description="Events that lost a race, in log order")


class ExperimentPage(Model):
    """Some experiments, in the order asked for."""

    experiments: list[Experiment]
    next_page_token: str | None = Field(
        description="Give it back as page_token for the next page; null at the end"
    )


class Activity(Model):
    """What goes on in an experiment. Deleted runs do not count."""

    run_count: int
    running: int = Field(description="How many of them have not ended")
    last_activity: int | None = Field(
        description="When its last run began or ended, milliseconds since the epoch; null without runs"
    )


class ActiveExperiment(Experiment):
    """An experiment and what goes on in it."""

    activity: Activity


class ActiveExperimentPage(Model):
    """Some experiments with what goes on in them, in the order asked for."""

    experiments: list[ActiveExperiment]
    next_page_token: str | None


class CreateExperiment(Request):
    """A new experiment."""

    name: str = Field(description="At most 500 characters, not taken by another experiment")
    artifact_location: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class RenameExperiment(Request):
    """The new name of an experiment."""

    name: str
