"""Health, status, events, SQL, garbage collection."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from trackstream_api.models.base import Model, Request


class Health(Model):
    """The process answers."""

    status: Literal["ok", "degraded"] = Field("ok", description="degraded: `troubles` says what is missing")
    version: str
    troubles: dict[str, str] = Field(
        default_factory=dict,
        description="Which part (log, tables, contents, projectors) is not there, and why",
    )


class Ready(Model):
    """Everything that the store rests on is there."""

    status: Literal["ready"] = "ready"
    version: str
    parts: list[str] = Field(description="What was asked")


class ProjectorPosition(Model):
    """How far one projector has come in one partition."""

    projector: str
    topic: str
    partition: int
    next_offset: int = Field(description="First offset not yet projected")
    end: int = Field(description="Offset that the next record of the log will get")
    lost: int = Field(
        0, description="Records from next_offset on that the log no longer has: never projected"
    )


class Status(Model):
    """What the store holds and how fresh it is."""

    directory: str
    version: str
    positions: list[ProjectorPosition]
    lag_ms: int = Field(description="Age of the oldest record not yet projected; 0 when caught up")
    records_behind: int
    dead_letters: int
    points: int
    runs: int
    experiments: int
    failure: str | None = Field(description="Why a projector stopped; null while all run")
    troubles: dict[str, str] = Field(description="As in /ready: which part is not there, and why")


class BlobCount(Model):
    """Contents of artifacts."""

    count: int
    bytes: int


class TableSize(Model):
    """What a table takes."""

    table: str
    rows: int = Field(description="Rows on disk; those that later ones have replaced count until they merge")
    bytes: int = Field(description="On disk, compressed")


class Storage(Model):
    """What the store takes on its disks. Bytes."""

    tables: list[TableSize] = Field(description="The largest first; those without rows are left out")
    contents: BlobCount = Field(description="Of artifacts, each content once")
    log_bytes: int | None = Field(description="Of the log; null where a broker keeps it")


class Positions(Model):
    """Where the events of a request stand on the log, in the order given."""

    positions: list[tuple[str, int, int]] = Field(description="[topic, partition, offset] each")


class EntityEvents(Model):
    """All events of one entity in log order."""

    events: list[str] = Field(description="Messages in Avro single-object encoding, base64")


class SqlQuery(Request):
    """A SELECT over the v_ views."""

    query: str = Field(examples=["SELECT run_id, value FROM v_latest_metrics WHERE key = {key:String}"])
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Values of the {name:Type} placeholders"
    )
    format: Literal["json", "csv", "arrow"] = "json"


class SqlColumn(Model):
    """A column of the answer."""

    name: str
    type: str = Field(description="ClickHouse type")


class SqlResult(Model):
    """Rows as arrays. Times are ISO 8601 with an offset; integers are JSON integers of any size;
    NaN and the infinities are strings; bytes that are not UTF-8 are shown with replacement characters."""

    columns: list[SqlColumn]
    rows: list[tuple[Any, ...]]


class GcRequest(Request):
    """What may go: entities that have been deleted for this long, and contents that nothing names."""

    older_than_days: float = Field(30, ge=0, le=1_000_000, allow_inf_nan=False)
    dry_run: bool = Field(True, description="Only tell what would go")


class GcReport(Model):
    """What went, or would go."""

    runs: list[str]
    experiments: list[str]
    logged_models: list[str]
    traces: list[str] = Field(description="Of purged experiments")
    blobs: BlobCount
    dry_run: bool
