"""What is asked for when a project is launched."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trackstream.projects.command_line import check_given
from trackstream.projects.environments.environment import check_manager
from trackstream.projects.sources.source import check_version
from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import REDACTED, redacted, secret_setting, without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_URI = 4096
MAX_CONFIG = 100_000
MAX_QUEUE = 250
MAX_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A launch as asked for, with everything that may be secret in it."""

    launch_id: str
    run_id: str
    experiment_id: str
    uri: str
    entry_point: str = "main"
    version: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    backend: str = "local"
    backend_config: Mapping[str, Any] = field(default_factory=dict)
    env_manager: str | None = None
    docker_args: Mapping[str, str] = field(default_factory=dict)
    storage_dir: str | None = None
    queue: str | None = None
    max_attempts: int = 1
    retry_of: str | None = None
    parent_launch_id: str | None = None
    user_id: str = ""

    def check(self) -> None:
        """Raise InvalidInput for the first thing that cannot be right, before anything is recorded."""
        validate.text(self.uri, "project URI", MAX_URI)
        validate.text(self.entry_point, "entry point", validate.MAX_TAG_VALUE)
        if not self.entry_point.strip():
            raise InvalidInput("entry point", self.entry_point, "the name of an entry point or script")
        check_version(self.version)
        check_given(self.parameters)
        check_manager(self.env_manager)
        for name, value in self.docker_args.items():
            validate.text(f"{name}={value}", "docker argument", validate.MAX_TAG_VALUE)
        check_config(self.backend_config)
        check_attempts(self.queue, self.max_attempts)

    def event(self) -> e.LaunchRequested:
        """Return the request as it goes on the log: without secrets."""
        return e.LaunchRequested(
            self.launch_id,
            self.run_id,
            self.experiment_id,
            without_credentials(self.uri),
            self.entry_point,
            self.backend,
            self.version,
            redacted(self.parameters),
            json.dumps(self.backend_config, ensure_ascii=False),
            self.env_manager,
            redacted(self.docker_args),
            self.storage_dir,
            self.queue,
            self.max_attempts,
            self.retry_of,
            self.parent_launch_id,
            self.user_id,
        )


def check_queue(name: str) -> str:
    """Return a queue's name. Raises InvalidInput."""
    validate.text(name, "queue", MAX_QUEUE)
    if not name.strip() or name.startswith("-"):
        raise InvalidInput("queue", name, "a name, which does not begin with a dash")
    return name


def check_attempts(queue: str | None, attempts: int) -> None:
    """Raise InvalidInput for a queue's name or a number of attempts that cannot be right."""
    if queue is not None:
        check_queue(queue)
    elif attempts != 1:
        raise InvalidInput(
            "max_attempts", attempts, "1 for a launch without a queue: `launches retry` repeats it"
        )
    if not 1 <= attempts <= MAX_ATTEMPTS:
        raise InvalidInput("max_attempts", attempts, f"1 to {MAX_ATTEMPTS}")


def check_config(config: object) -> None:
    """Raise InvalidInput for settings of a backend that are no JSON object, too large, or hold a secret."""
    if not isinstance(config, dict):
        raise InvalidInput("backend config", config, "a JSON object")
    try:
        text = json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "backend config", type(config).__name__, f"values that JSON has ({error})"
        ) from error
    if len(text) > MAX_CONFIG:
        raise InvalidInput("backend config", f"{len(text)} characters", f"at most {MAX_CONFIG}")
    place = secret_setting(config)
    if place is not None:
        right = "no secret, since the config is recorded; name an environment variable instead"
        raise InvalidInput(f"backend config {place}", REDACTED, right)


def as_json(request: Request) -> dict[str, Any]:
    """Return a request as JSON has it, secrets included."""
    return asdict(request)


def from_json(content: Mapping[str, Any]) -> Request:
    """Return the request that `as_json` was given."""
    return Request(**content)


def of_event(body: e.LaunchRequested, **changes: Any) -> Request:
    """Return the request that an event on the log holds, with `changes`; secrets are missing from it."""
    found = Request(
        body.launch_id,
        body.run_id,
        body.experiment_id,
        body.uri,
        body.entry_point,
        body.project_version,
        body.parameters,
        body.backend,
        json.loads(body.backend_config),
        body.env_manager,
        body.docker_args,
        body.storage_dir,
        body.queue,
        body.max_attempts,
        body.retry_of,
        body.parent_launch_id,
        body.user_id,
    )
    return replace(found, **changes)
