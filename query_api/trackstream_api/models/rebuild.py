"""Replay and verify: what they are asked, and what they found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trackstream_api.models.base import Model, Request

_TOPICS = "Only the tables of these topics' projectors; with or without `trackstream.` before the name"


class ReplayRequest(Request):
    """What is to be rebuilt; nothing said: everything."""

    topics: list[str] = Field(default_factory=list, max_length=100, description=_TOPICS)
    since: str | None = Field(
        default=None,
        description="Only entities with a record from then on: a time, 10m for ten minutes ago, or"
        " topic:partition:offset[,…]",
    )
    from_start: bool = Field(default=False, description="Throw away what a replay that was killed has built")


class MissingContent(Model):
    """A file whose content neither the blob store nor the log has."""

    owner: str = Field(description="Run, logged model or trace")
    path: str
    sha256: str
    size: int


class ReplayState(Model):
    """The rebuild that is running, or the last one."""

    id: str | None = Field(description="Null if none was asked for since the start")
    state: Literal["idle", "running", "done", "failed"]
    records_done: int
    records_total: int
    points_per_second: float
    error: str | None
    resumed: bool = Field(default=False, description="Whether it goes on with what an earlier one has built")
    missing_contents: int = Field(default=0, description="Files whose content nobody has any more")
    missing: list[MissingContent] = Field(default_factory=list, description="The first hundred of them")


class VerifyRequest(Request):
    """What is to be compared; nothing said: everything."""

    topics: list[str] = Field(default_factory=list, max_length=100, description=_TOPICS)


class RowDifference(Model):
    """A row that is not what the log says."""

    identity: dict[str, str] = Field(description="The columns that identify the row")
    column: str | None = Field(description="The first that differs; null where the row is on one side only")
    live: str | None = Field(description="What the table holds; null where it has no such row")
    log: str | None = Field(description="What follows from the log; null where no such row does")


class TableVerdict(Model):
    """How one table compares."""

    table: str
    rows: int = Field(description="Rows that follow from the log and were compared")
    different: int
    first: RowDifference | None
    unsettled: int = Field(
        description="Entities that were written to all the while, whose changing rows were not compared"
    )


class VerifyState(Model):
    """The comparison that is running, or the last one."""

    id: str | None = Field(description="Null if none was asked for since the start")
    state: Literal["idle", "running", "done", "failed"]
    records_done: int
    records_total: int
    error: str | None
    equal: bool | None = Field(default=None, description="Null until it is done")
    tables: list[TableVerdict] = Field(default_factory=list)


NO_REPLAY = ReplayState(
    id=None, state="idle", records_done=0, records_total=0, points_per_second=0.0, error=None
)
NO_VERIFY = VerifyState(id=None, state="idle", records_done=0, records_total=0, error=None)
