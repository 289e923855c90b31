"""Settings of the SDK: environment variables with the prefix TRACKSTREAM_, or arguments of `Settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_URI = "./trackstream-data"


class Settings(BaseSettings):
    """How the SDK buffers and where it sends; each field can be set by TRACKSTREAM_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix="TRACKSTREAM_", env_ignore_empty=True, extra="ignore", frozen=True, validate_default=True
    )

    uri: str = Field(default=DEFAULT_URI, min_length=1)
    """Where to log: a directory, the address of a Trackstream server (http://…), a Kafka cluster (kafka://…),
    or `offline:DIR` to keep everything in a spool in DIR for `trackstream sync`."""
    experiment_id: str | None = None
    """Experiment of runs that name none; wins over `experiment_name`."""
    experiment_name: str | None = None
    """Experiment of runs that name none, made where it does not exist."""
    run_id: str | None = None
    """The run that the first `start_run()` without a run_id resumes."""
    writer: str = ""
    """Who measures within a run that several processes log into, for example the rank."""
    actor: str | None = None
    """Stamped on every event; the operating system's user where not set."""

    batch_points: int = Field(default=20_000, ge=1)
    """Most metric points in one append."""
    batch_records: int = Field(default=1_000, ge=1)
    """Most other events in one append."""
    batch_bytes: int = Field(default=4 << 20, ge=1)
    """An append is closed once its other events hold about this many bytes."""
    linger_ms: int = Field(default=100, ge=1)
    """How long a buffered event waits for company, milliseconds."""
    max_buffered_points: int = Field(default=2_000_000, ge=1)
    """Metric points kept in memory while the log does not take them (28 bytes each); later ones are dropped
    and counted."""
    max_buffered_bytes: int = Field(default=64 << 20, ge=1)
    """Bytes of other events kept likewise. Artifacts take at most half, and wait for room."""
    heartbeat_s: float = Field(default=30.0, ge=0)
    """How often a process says of each run it logs to that it is alive and what it has sent, seconds; 0: only
    at its beginning and end."""
    launch_heartbeat_s: float = Field(default=20.0, ge=0.1)
    """How often the launcher of a project says that it is alive, seconds; after three times as long without a
    word the launch counts as failed."""
    launches_keep_days: float = Field(default=30.0, ge=0)
    """How long the directory of a launch that is over stays on this machine, days; removed by later launches.
    What it printed is then read from its run."""
    launches_keep: int = Field(default=1000, ge=0)
    """How many such directories stay at most, the newest ones."""
    flush_timeout_s: float = Field(default=30.0, gt=0)
    """How long `flush`, `end_run` and the exit wait for the log, seconds."""
    retry_first_ms: int = Field(default=50, ge=1)
    """Pause before a failed append is tried again; doubles each time, milliseconds."""
    retry_longest_ms: int = Field(default=5_000, ge=1)
    """Longest such pause, milliseconds."""
    report_every_s: float = Field(default=5.0, ge=0)
    """Warnings about what could not be kept come at most this often, seconds."""

    durability: Literal["memory", "spool"] = "memory"
    """What a logging call that returned has done: `memory`, put into memory, and to the spool only while the
    log does not take it; `spool`, written to the spool, where it survives the death of the process."""
    spool_dir: str | None = None
    """Directory of the spools, on a local disk; where not set, `trackstream/spool` in the user's state
    directory (XDG_STATE_HOME, else ~/.local/state)."""
    spool_max_bytes: int = Field(default=4 << 30, ge=1)
    """Most bytes that a process keeps in its spool, large artifacts not counted; what finds no room then is
    dropped and counted."""
    spill_after_s: float = Field(default=5.0, gt=0)
    """Under durability=memory, how long the log may not take events before what is in memory goes to the
    spool, seconds; half-full memory sends it there earlier."""

    artifact_inline_limit: int = Field(default=8 << 20, ge=0)
    """Files up to this many bytes travel on the log; larger ones go to the blob store first."""
    artifact_chunk_bytes: int = Field(default=512 << 10, ge=1)
    """Size of the pieces in which they travel, bytes."""

    system_metrics: bool = False
    """Sample the machine during every run (needs psutil; GPUs need pynvml)."""
    system_metrics_interval_s: float = Field(default=10.0, gt=0)
    """Seconds between two samples."""
