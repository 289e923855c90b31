"""What producers may append about launches: nothing that is no launch's, and no secrets."""

from __future__ import annotations

import json
import math

from trackstream_schemas import events as e
from trackstream_schemas import validate
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.secret_texts import REDACTED, has_credentials, names_a_secret, secret_setting

_LONGEST_ID = 64
_LONGEST_NAME = 500
_LONGEST_PLACE = 4096
_LONGEST_TEXT = 100_000
_MOST_ATTEMPTS = 1000


def check_launch_event(body: e.LaunchBody) -> None:
    """Raise InvalidInput for the first value that no such event may hold."""
    validate.run_id(body.launch_id, "launch_id")
    if not isinstance(body, e.LaunchRequested | e.LaunchCancelRequested):
        validate.text(body.claim_id, "claim_id", _LONGEST_ID)
    match body:
        case e.LaunchRequested():
            _check_request(body)
        case e.LaunchClaimed():
            if not body.claim_id:
                raise InvalidInput("claim_id", body.claim_id, "an id")
            validate.text(body.host, "host", _LONGEST_NAME)
            if not math.isfinite(body.heartbeat_s) or body.heartbeat_s <= 0:
                raise InvalidInput("heartbeat_s", body.heartbeat_s, "more than 0")
        case e.LaunchPrepared():
            for name in ("project", "environment", "environment_key", "image"):
                validate.text(getattr(body, name) or "", name, _LONGEST_NAME)
            _check_place(body.source, "source")
            validate.text(body.commit or "", "commit", _LONGEST_ID)
        case e.LaunchStarted():
            validate.text(body.handle, "handle", _LONGEST_NAME)
            validate.text(body.command, "command", 10 * _LONGEST_TEXT)
        case e.LaunchCancelRequested() | e.LaunchEnded() | e.LaunchLost():
            validate.text(body.reason, "reason", _LONGEST_TEXT)


def _check_request(body: e.LaunchRequested) -> None:
    validate.run_id(body.run_id)
    validate.experiment_id(body.experiment_id)
    _check_place(body.uri, "uri")
    validate.text(body.entry_point, "entry_point", validate.MAX_TAG_VALUE)
    for name in ("project_version", "env_manager", "queue", "retry_of", "parent_launch_id", "user_id"):
        validate.text(getattr(body, name) or "", name, _LONGEST_NAME)
    validate.text(body.backend, "backend", _LONGEST_NAME)
    validate.text(body.storage_dir or "", "storage_dir", _LONGEST_PLACE)
    if not 1 <= body.max_attempts <= _MOST_ATTEMPTS:
        raise InvalidInput("max_attempts", body.max_attempts, f"1 to {_MOST_ATTEMPTS}")
    for field, values in (("parameters", body.parameters), ("docker_args", body.docker_args)):
        for key, value in values.items():
            validate.text(key, f"{field} key", validate.MAX_KEY)
            validate.text(value, f"{field} {key}", validate.MAX_TAG_VALUE)
            if (names_a_secret(key) and value not in ("", REDACTED)) or has_credentials(value):
                raise InvalidInput(f"{field} {key}", REDACTED, f"{REDACTED} in the place of a secret")
    _check_config(body.backend_config)


def _check_place(place: str | None, field: str) -> None:
    validate.text(place or "", field, _LONGEST_PLACE)
    if has_credentials(place or ""):
        raise InvalidInput(field, REDACTED, "a URI without credentials")


def _check_config(text: str) -> None:
    validate.text(text, "backend_config", _LONGEST_TEXT)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("backend_config", text, f"a JSON object ({error})") from error
    if not isinstance(config, dict):
        raise InvalidInput("backend_config", text, "a JSON object")
    place = secret_setting(config)
    if place is not None:
        raise InvalidInput(f"backend_config {place}", REDACTED, "no secret")
