"""What goes on the log of a request: all of it but the secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trackstream.projects.request import Request, as_json, from_json, of_event
from trackstream_schemas.errors import InvalidInput

REQUEST = Request(
    "l",
    "r",
    "7",
    "https://ann:hunter2@host/x.git#sub",
    "train",
    "v1",
    {"alpha": "0.5", "db_password": "hunter2", "url": "s3://key:hunter2@bucket/x", "max_tokens": "7"},
    backend_config={"cpus": 2, "nested": {"image": "x"}},
    env_manager="uv",
    docker_args={"gpus": "all", "tty": ""},
    retry_of="earlier",
    user_id="ann",
)


def test_no_secret_enters_the_event() -> None:
    event = REQUEST.event()
    assert "hunter2" not in repr(event)
    assert event.uri == "https://host/x.git#sub"
    assert event.parameters == {
        "alpha": "0.5",
        "db_password": "[redacted]",
        "url": "s3://bucket/x",
        "max_tokens": "7",
    }
    assert event.docker_args == {"gpus": "all", "tty": ""}


def test_a_request_survives_the_file_and_the_log() -> None:
    REQUEST.check()
    assert from_json(as_json(REQUEST)) == REQUEST
    event = REQUEST.event()
    assert of_event(event).event() == event
    assert of_event(event, launch_id="new").launch_id == "new"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uri": "x" * 5000}, "project URI"),
        ({"entry_point": " "}, "entry point"),
        ({"version": "-x"}, "version"),
        ({"parameters": {"-x": "1"}}, "parameter name"),
        ({"parameters": {"x": "1\x00"}}, "parameter x"),
        ({"parameters": {"x": "1" * 7000}}, "parameter x"),
        ({"env_manager": "poetry"}, "env_manager"),
        ({"docker_args": {"x": "\x00"}}, "docker argument"),
        ({"backend_config": {"a": [{"api_key": "x"}]}}, r"backend config a\[0\].api_key"),
        ({"backend_config": {"registry": "https://ann:pw@host"}}, "backend config registry"),
        ({"backend_config": {"a": object()}}, "backend config"),
        ({"backend_config": {"a": "x" * 200_000}}, "backend config"),
    ],
)
def test_what_is_refused_before_anything_is_recorded(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        replace(REQUEST, **changes).check()  # type: ignore[arg-type]
