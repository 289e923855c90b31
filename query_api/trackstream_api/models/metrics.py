"""Metric points, whole and downsampled."""

from typing import Literal

from pydantic import Field
from typing_extensions import TypedDict

from trackstream_api.models.base import Model, Request
from trackstream_api.models.runs import AS_OF, LatestMetric


class MetricSummary(Model):
    """One metric of a run."""

    key: str
    points: int = Field(description="How many points were logged")
    first_step: int
    last_step: int
    first_timestamp: int = Field(description="Milliseconds since the epoch")
    last_timestamp: int = Field(description="Milliseconds since the epoch")
    min: float | None = Field(description="Least value, NaN left out; null if all are NaN")
    max: float | None = Field(description="Greatest value, NaN left out; null if all are NaN")
    latest: LatestMetric


class MetricSummaries(Model):
    """All metrics of a run, by key."""

    metrics: list[MetricSummary]


class Point(TypedDict):
    """One logged value, bit for bit."""

    step: int
    timestamp: int
    value: float
    writer: str


class PointPage(Model):
    """Points in the order (step, timestamp, producer, sequence, index)."""

    points: list[Point]
    next_page_token: str | None


class StepPoint(TypedDict):
    """All points of one step, whichever writers they are from. NaN counts in `points` and `last` only."""

    step: int
    points: int
    writers: int
    min: float | None
    max: float | None
    mean: float | None
    last: float


class StepPage(Model):
    """Steps in ascending order."""

    steps: list[StepPoint]
    next_page_token: str | None


class Branch(TypedDict):
    """One branch of a run. Branch 0 is the run before any rewind."""

    branch: int
    rewound_to_step: int | None
    began_at: int | None
    writers: list[str]


class BranchList(Model):
    """The branches of a run; the last one is what is shown where none is named."""

    run_id: str
    branches: list[Branch]


class SeriesRequest(Request):
    """Which curves to draw, and how finely."""

    run_ids: list[str] = Field(min_length=1, max_length=100)
    keys: list[str] = Field(min_length=1, max_length=100)
    buckets: int = Field(
        1000,
        ge=1,
        le=10_000,
        description="At most this many buckets a curve; wide ones begin at multiples of 64, 512 … steps",
    )
    x: Literal["step", "timestamp", "relative"] = Field(
        "step", description="relative: milliseconds since the run's start; a run without one has no curve"
    )
    spacing: Literal["even", "log"] = Field(
        "even", description="How stretches of x grow: all as wide, or each by the same factor, for a log axis"
    )
    start: int | None = Field(None, description="Only points with x at least this")
    end: int | None = Field(None, description="Only points with x at most this")
    writers: Literal["merged", "each"] = Field(
        "merged", description="One curve of all writers of a run together, or one for each"
    )
    branch: int | None = Field(
        None, ge=0, description="Of one run that was rewound: this branch; null: the newest"
    )
    as_of: str | None = Field(None, description=AS_OF)


class Bucket(TypedDict):
    """The points of one stretch of x. NaN counts in `count` and `last` only."""

    x_first: int
    x_last: int
    count: int
    min: float | None
    max: float | None
    mean: float | None
    last: float


class Series(Model):
    """One metric of one run, cut into stretches of x; empty stretches are left out."""

    run_id: str
    key: str
    writer: str | None = Field(description="Whose curve it is; null where that of all writers")
    buckets: list[Bucket]


class SeriesReply(Model):
    """The curves that have points, by (run_id, key, writer)."""

    series: list[Series]
