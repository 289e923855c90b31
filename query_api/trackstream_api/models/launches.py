"""Launches of projects."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trackstream_api.models.base import Model, Request


class Launch(Model):
    """A launch as folded from the log. Times are milliseconds since the epoch, null until it comes to
    that.
    """

    launch_id: str
    state: str = Field(
        description="requested, preparing, ready, running, finished, failed or cancelled; failed also where"
        " nothing was heard of the launcher for three heartbeats"
    )
    run_id: str = Field(description="The run that the project logs into")
    experiment_id: str
    uri: str = Field(description="Where the project is, as asked for, without credentials")
    entry_point: str
    project_version: str | None = Field(description="Commit, tag or branch asked for; null for the newest")
    parameters: dict[str, str] = Field(description="As given; secrets are replaced by [redacted]")
    backend: str = Field(description="What executes it, for example local")
    backend_config: str = Field(description="The backend's settings, a JSON object")
    env_manager: str | None = Field(description="As asked for; null: what the project asks for")
    docker_args: dict[str, str]
    storage_dir: str | None
    queue: str | None = Field(description="The queue whose workers may take it; null: who asked executes it")
    max_attempts: int
    attempts: int = Field(description="How often a launcher has taken it")
    retry_of: str | None = Field(description="The launch that this one repeats")
    parent_launch_id: str | None = Field(description="The launch whose program requested this one")
    user_id: str = Field(description="Who asked; empty when not known")
    claim_id: str = Field(description="The launcher's claim; empty while none holds")
    host: str = Field(description="The launcher's machine; empty until one has taken it")
    pid: int = Field(description="The launcher's process")
    cancel_requested: bool
    lost: bool = Field(description="It failed because its launcher is gone")
    project: str = Field(description="The project's name; empty until it is prepared")
    environment: str = Field(description="virtualenv, uv, conda, local, docker …; empty until it is prepared")
    environment_key: str | None = Field(description="Hash of what the environment was made of")
    source: str | None = Field(description="Where the files came from, as it was understood")
    commit: str | None = Field(description="The git commit that was executed; null outside of git")
    dirty: bool | None = Field(description="Whether the tree differed from it; null outside of git")
    image: str | None = Field(description="Container image")
    handle: str = Field(description="How the backend finds the program; empty until it is started")
    command: str = Field(description="The command, secrets replaced")
    exit_code: int | None = Field(description="The program's; negative: minus the signal that ended it")
    reason: str = Field(description="What went wrong; may be empty")
    requested_at: int
    claimed_at: int | None
    prepared_at: int | None
    started_at: int | None
    ended_at: int | None
    last_seen: int | None = Field(description="When the launcher was heard of last")
    conflicts: list[dict[str, Any]] = Field(description="Events that lost a race, in log order")


class LaunchPage(Model):
    """Some launches, the newest first."""

    launches: list[Launch]
    next_page_token: str | None


class CancelLaunch(Request):
    """Why a launch is to end."""

    reason: str = Field("", max_length=2000)


class RequestLaunch(Request):
    """A launch to put into a queue: of a project at an address, or one that repeats another launch."""

    uri: str | None = Field(
        None,
        description="Git repository or archive (https://…, ssh://…, git@host:…, github:owner/repo), perhaps"
        " with #subdirectory; not beside retry_of",
    )
    retry_of: str | None = Field(
        None, description="The launch to repeat: its project, commit, backend and whatever is not said here"
    )
    entry_point: str | None = Field(None, description="main where not said")
    version: str | None = Field(None, description="Commit, tag or branch; the newest where not said")
    parameters: dict[str, str] | None = Field(
        None, description="All of them; null: those of the launch that is repeated. No secrets"
    )
    experiment_id: str | None = None
    run_name: str | None = None
    env_manager: str | None = Field(None, description="virtualenv, uv, conda or local")
    queue: str | None = Field(None, description="One of /api/v1/launch-queues; the first where not said")
    max_attempts: int | None = Field(None, description="How often it may be taken, where workers die; 3")


class LaunchQueue(Model):
    """A queue that the server may put launches into."""

    name: str
    waiting: int
    taken: int = Field(description="Launches that workers have in hand now")


class LaunchQueues(Model):
    """The queues that TRACKSTREAM_LAUNCH_QUEUES names; none where the server starts no launches."""

    queues: list[LaunchQueue]


class LaunchParameter(Model):
    """A parameter of an entry point."""

    name: str
    type: str = Field(description="string, float, int, path or uri")
    default: str | None = Field(description="null: a value must be given")


class LaunchEntryPoint(Model):
    """What can be launched."""

    name: str
    parameters: list[LaunchParameter]


class LaunchedProject(Model):
    """What is known of the project of a launch without fetching it from elsewhere."""

    uri: str
    can_start: bool = Field(description="Whether the API may put a launch of it into a queue")
    entry_points: list[LaunchEntryPoint] | None = Field(
        description="As its files say; null where they are not in the store"
    )
