"""Runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from trackstream_api.models.base import Model, Request

View = Literal["active", "deleted", "all"]


class LatestMetric(TypedDict):
    """The value at the highest (step, timestamp); among equals the greatest, NaN lowest."""

    value: float
    step: int
    timestamp: int


class ModelOutput(TypedDict):
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int


class Run(Model):
    """A run as folded from the log."""

    run_id: str
    experiment_id: str
    experiment_name: str = Field(description="Empty while the experiment is not known")
    name: str
    user_id: str
    status: str = Field(description="RUNNING, SCHEDULED, FINISHED, FAILED or KILLED")
    lifecycle_stage: str = Field(description="active or deleted")
    start_time: int = Field(description="Milliseconds since the epoch")
    end_time: int | None = Field(description="Milliseconds since the epoch; null while running")
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, LatestMetric] = Field(description="Latest value of each metric")
    inputs: list[dict[str, Any]] = Field(description="Data sets that the run read")
    model_inputs: list[str] = Field(description="Ids of the logged models that the run read")
    model_outputs: list[ModelOutput] = Field(description="Logged models that the run made")
    conflicts: list[dict[str, Any]] = Field(description="Events that lost a race, in log order")


class ChangeRun(Request):
    """What to change of a run; what is absent stays."""

    name: str | None = Field(None, min_length=1, description="Its name, and its tag mlflow.runName")


class RunPage(Model):
    """Some runs, in the order asked for."""

    runs: list[Run]
    next_page_token: str | None = Field(
        description="Give it back as page_token for the next page; null at the end"
    )


class RunList(Model):
    """Runs, best first."""

    runs: list[Run]


AS_OF = "What this store would have answered then: a moment, as the query parameter as_of of other routes"


class SearchRuns(Request):
    """Which runs, in what order."""

    experiment_ids: list[str] | None = Field(None, description="Only runs of these; with neither: of all")
    experiment_names: list[str] | None = Field(None, description="Only runs of these")
    filter: str = Field(
        "", description="MLflow's grammar", examples=["metrics.val_loss < 0.3 and params.lr = '0.01'"]
    )
    order_by: list[str] = Field(default_factory=list, examples=[["metrics.val_loss ASC", "start_time DESC"]])
    view: View = "active"
    limit: int = Field(100, ge=1, le=10_000)
    page_token: str | None = None
    offset: int = Field(
        0,
        ge=0,
        le=100_000_000,
        description="Runs to pass over before the first, behind page_token where one is given. To read all"
        " runs, follow the tokens: a run that is logged meanwhile shifts what an offset finds",
    )
    keys: list[str] | None = Field(
        None,
        max_length=1000,
        description="Only these params, metrics and tags of the runs; without it: all",
        examples=[["params.lr", "metrics.val_loss"]],
    )
    as_of: str | None = Field(None, description=AS_OF)


class BestRuns(Request):
    """Which metric to rank by. Runs without the metric, or whose latest value is NaN, never win."""

    experiment_ids: list[str] | None = None
    experiment_names: list[str] | None = None
    metric: str
    mode: Literal["min", "max"] = "min"
    top: int = Field(1, ge=1, le=10_000)
    filter: str = ""
    as_of: str | None = Field(None, description=AS_OF)
