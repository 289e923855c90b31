"""Event classes of launches of projects, one frozen dataclass per `.avsc` file; part of `events`.

Whoever executes a launch claims it first. Everything it says later carries the claim's id, so that of two
that claimed it only the first one counts, and one that was given up as lost does not speak for its successor.
No secret may be in any of these: see `secret_texts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LaunchOutcome = Literal["finished", "failed", "cancelled"]
LAUNCH_ENDS: frozenset[str] = frozenset({"finished", "failed", "cancelled"})
"""States that a launch does not leave."""


@dataclass(frozen=True, slots=True)
class LaunchRequested:
    launch_id: str
    run_id: str
    experiment_id: str
    uri: str
    entry_point: str
    backend: str
    project_version: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    backend_config: str = "{}"
    env_manager: str | None = None
    docker_args: dict[str, str] = field(default_factory=dict)
    storage_dir: str | None = None
    queue: str | None = None
    max_attempts: int = 1
    retry_of: str | None = None
    parent_launch_id: str | None = None
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class LaunchClaimed:
    launch_id: str
    claim_id: str
    host: str
    pid: int
    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class LaunchPrepared:
    launch_id: str
    claim_id: str
    project: str
    environment: str
    source: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    environment_key: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class LaunchStarted:
    launch_id: str
    claim_id: str
    handle: str
    command: str


@dataclass(frozen=True, slots=True)
class LaunchHeartbeat:
    launch_id: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class LaunchCancelRequested:
    launch_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LaunchEnded:
    launch_id: str
    claim_id: str
    outcome: LaunchOutcome
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LaunchLost:
    launch_id: str
    claim_id: str
    reason: str
    requeue: bool = False


LaunchBody = (
    LaunchRequested
    | LaunchClaimed
    | LaunchPrepared
    | LaunchStarted
    | LaunchHeartbeat
    | LaunchCancelRequested
    | LaunchEnded
    | LaunchLost
)
