"""Events of launches through the ingest route: what is taken, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_api.ingest.events import EventRefused, encoded_events
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

REQUESTED = e.LaunchRequested(
    "l", "r", "7", "https://host/x.git#sub", "main", "local", "v1", {"alpha": "0.5", "token": "[redacted]"}
)
CLAIMED = e.LaunchClaimed("l", "c", "node", 1, 20.0)


def taken(body: e.Body) -> EncodedEvent:
    envelope = e.Envelope(new_id(), 1_700_000_000_000, new_id(), 0)
    sent = codec.encode(e.Event(envelope, body))
    (found,) = encoded_events(ingest_request([EncodedEvent("", "", sent)]))
    assert found.value == sent
    return found


@pytest.mark.parametrize(
    "body",
    [
        REQUESTED,
        replace(REQUESTED, backend_config='{"cpus": 2}', docker_args={"gpus": "all", "tty": ""}, queue="gpu"),
        CLAIMED,
        e.LaunchPrepared("l", "c", "digits", "uv", "https://host/x.git", "c" * 40, False, "key", None),
        e.LaunchPrepared("l", "c", "digits", "local"),
        e.LaunchStarted("l", "c", "process 1", "python train.py"),
        e.LaunchHeartbeat("l", "c"),
        e.LaunchCancelRequested("l", "why"),
        e.LaunchEnded("l", "c", "failed", -9, "why"),
        e.LaunchEnded("l", "", "failed"),
        e.LaunchLost("l", "c", "why", True),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_launchers_send_is_taken(body: e.Body) -> None:
    found = taken(body)
    assert (found.topic, found.key) == (topics.LAUNCHES, "l")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (replace(REQUESTED, launch_id="../l"), "launch_id"),
        (replace(REQUESTED, run_id=""), "run_id"),
        (replace(REQUESTED, experiment_id="a b"), "experiment_id"),
        (replace(REQUESTED, uri="https://ann:pw@host/x"), "without credentials"),
        (replace(REQUESTED, parameters={"db_password": "hunter2"}), "parameters db_password"),
        (replace(REQUESTED, parameters={"url": "s3://a:hunter2@b/c"}), "parameters url"),
        (replace(REQUESTED, parameters={"x": "1" * 9000}), "parameters x"),
        (replace(REQUESTED, docker_args={"api_key": "hunter2"}), "docker_args api_key"),
        (replace(REQUESTED, backend_config='{"secret": "hunter2"}'), "backend_config secret"),
        (replace(REQUESTED, backend_config="[1]"), "a JSON object"),
        (replace(REQUESTED, backend_config="{"), "a JSON object"),
        (replace(REQUESTED, max_attempts=0), "max_attempts"),
        (replace(CLAIMED, claim_id=""), "claim_id"),
        (replace(CLAIMED, heartbeat_s=0.0), "heartbeat_s"),
        (replace(CLAIMED, heartbeat_s=float("nan")), "heartbeat_s"),
        (replace(CLAIMED, host="\x00"), "host"),
        (e.LaunchPrepared("l", "c", "x" * 600, "local"), "project"),
        (e.LaunchPrepared("l", "c", "x", "local", "https://a:b@c"), "source"),
        (e.LaunchEnded("l", "c" * 65, "failed"), "claim_id"),
        (e.LaunchLost("l", "c", "x" * 200_000), "reason"),
    ],
)
def test_what_is_wrong_is_refused_by_name(body: e.Body, told: str) -> None:
    with pytest.raises(EventRefused, match=told) as caught:
        taken(body)
    assert "hunter2" not in str(caught.value)
