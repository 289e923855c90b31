"""Dead letters over HTTP: shown, retried, dropped, and kept so by a replay."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from trackstream_api.dead_letters import FOLDED, event_to_retry
from trackstream_api.models.dead_letters import DeadLetter
from trackstream_schemas import codec, sqlite_layout, topics
from trackstream_schemas import events as e
from trackstream_schemas.errors import Conflict
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

PATH = "/api/v1/dead-letters"
_numbers = itertools.count()


def put(server: LiveServer, topic: str, key: str, value: bytes) -> str:
    """Put a record on the log behind the API's back and return its position."""
    with sqlite_layout.connect(server.directory / sqlite_layout.FILE_NAME) as log:
        log.execute("BEGIN IMMEDIATE")
        (offset,) = log.execute("SELECT next_offset FROM partitions WHERE topic = ?", (topic,)).fetchone()
        log.execute(
            f"INSERT INTO {sqlite_layout.table_of(topic)} VALUES (0, ?, ?, ?, 5)", (offset, key, value)
        )
        log.execute("UPDATE partitions SET next_offset = next_offset + 1 WHERE topic = ?", (topic,))
        log.execute("COMMIT")
    log.close()
    return f"{topic}:0:{offset}"


def given_up(server: LiveServer, body: e.Body, key: str) -> str:
    """Have a record that can be read be a dead letter, as after a failure that has been mended since."""
    event = e.Event(e.Envelope(new_id(), 7, f"producer-{key}", 3, "ann"), body)
    offset = 1_000_000 + next(_numbers)
    letter = e.DeadLettered("entities", topics.RUNS, 0, offset, key, codec.encode(event), "Bug", "was mended")
    position = f"{topics.RUNS}:0:{offset}"
    put(server, topics.DEAD_LETTERS, position, _encoded(letter))
    return position


def _encoded(letter: e.DeadLettered) -> bytes:
    return codec.encode(e.Event(e.Envelope(new_id(), 9, new_id(), 0), letter))


def state_of(server: LiveServer, position: str) -> str:
    return str(server.call("GET", f"{PATH}/{position}")["letter"]["state"])


def positions(server: LiveServer, state: str) -> set[str]:
    found = server.call("GET", PATH, params={"state": state})["dead_letters"]
    return {f"{letter['topic']}:{letter['partition']}:{letter['offset']}" for letter in found}


def test_damaged_bytes_are_shown_and_not_retried(server: LiveServer) -> None:
    run_id = server.new_run()
    position = put(server, topics.RUNS, run_id, b"\xc3\x01garbage")
    found = server.call("GET", f"{PATH}/{position.removeprefix('trackstream.')}")
    assert (found["event"], found["schema_name"]) == (None, None)
    assert "C3 01" in found["unreadable"] or "fingerprint" in found["unreadable"]
    assert found["letter"]["state"] == "open"
    refused = server.call("POST", f"{PATH}/{position}/retry", 400, json={})
    assert "still cannot be read" in refused["message"]
    assert position in positions(server, "open")


def test_a_retried_record_is_applied(server: LiveServer) -> None:
    run_id = server.new_run()
    position = given_up(server, e.TagsSet(run_id, {"late": "yes"}), run_id)
    shown = server.call("GET", f"{PATH}/{position}")
    assert (shown["schema_name"], shown["unreadable"]) == ("TagsSet v1", None)
    assert shown["event"]["body"]["tags"] == {"late": "yes"}
    done = server.call("POST", f"{PATH}/{position}/retry", json={"actor": "eve", "reason": "mended"})
    assert done["position"].startswith("trackstream.runs:0:")
    assert not done["given_up_again"]
    letter = done["letter"]
    assert (letter["state"], letter["resolved_by"], letter["reason"]) == ("retried", "eve", "mended")
    assert letter["resolved_at"] > 0
    assert server.call("GET", f"/api/v1/runs/{run_id}")["tags"]["late"] == "yes"
    again = server.call("POST", f"{PATH}/{position}/retry", 400, json={})
    assert "retried already by eve" in again["message"]
    assert position in positions(server, "retried") - positions(server, "open")


def test_a_dropped_one_needs_a_reason_and_may_still_be_retried(server: LiveServer) -> None:
    run_id = server.new_run()
    position = given_up(server, e.TagsSet(run_id, {"late": "yes"}), run_id)
    assert state_of(server, position) == "open"
    # Status waits for no projection, but what was read stays read.
    before = server.call("GET", "/api/v1/status")["dead_letters"]
    refused = server.call("POST", f"{PATH}/{position}/drop", 400, json={"reason": " "})
    assert refused["field"] == "reason"
    server.call("POST", f"{PATH}/{position}/drop", json={"reason": "a test", "actor": "eve"})
    assert state_of(server, position) == "dropped"
    assert server.call("GET", "/api/v1/status")["dead_letters"] == before - 1
    server.call("POST", f"{PATH}/{position}/drop", 400, json={"reason": "again"})
    assert "late" not in server.call("GET", f"/api/v1/runs/{run_id}")["tags"]
    server.call("POST", f"{PATH}/{position}/retry")
    assert state_of(server, position) == "retried"
    assert server.call("GET", f"/api/v1/runs/{run_id}")["tags"]["late"] == "yes"


def test_a_replay_keeps_what_became_of_them(server: LiveServer) -> None:
    run_id = server.new_run()
    dropped = given_up(server, e.TagsSet(run_id, {"a": "b"}), run_id)
    retried = given_up(server, e.TagsSet(run_id, {"c": "d"}), run_id)
    server.call("POST", f"{PATH}/{dropped}/drop", json={"reason": "a test"})
    server.call("POST", f"{PATH}/{retried}/retry")
    before = server.call("GET", PATH, params={"state": "all"})
    run = server.call("GET", f"/api/v1/runs/{run_id}")
    server.call("POST", "/api/v1/replay", 202)
    until = time.monotonic() + 120
    while (state := server.call("GET", "/api/v1/replay"))["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert state["state"] == "done", state
    assert server.call("GET", PATH, params={"state": "all"}) == before
    assert server.call("GET", f"/api/v1/runs/{run_id}") == run


@pytest.mark.parametrize("position", ["runs:0:999999", "walks:0:1", "runs:0", "runs:0:x"])
def test_what_is_not_there(server: LiveServer, position: str) -> None:
    status = 404 if position == "runs:0:999999" else 400
    server.call("GET", f"{PATH}/{position}", status)
    server.call("POST", f"{PATH}/{position}/drop", status, json={"reason": "r"})


def letter(topic: str, key: str, value: bytes) -> DeadLetter:
    from base64 import b64encode

    return DeadLetter(
        projector="p",
        topic=topic,
        partition=0,
        offset=7,
        key=key,
        value=b64encode(value).decode(),
        error_type="E",
        error_message="m",
        occurred_at=1,
        state="open",
        reason="",
        resolved_by="",
        resolved_at=None,
    )


def test_an_entitys_event_is_retried_by_a_producer_of_its_own() -> None:
    event = e.Event(e.Envelope("id", 5, "p", 9, "ann"), e.TagsSet("run", {"a": "b"}))
    first = event_to_retry(letter(topics.RUNS, "run", codec.encode(event)))
    assert event_to_retry(letter(topics.RUNS, "run", codec.encode(event))) == first
    again = codec.decode(first.value)
    assert again.body == event.body
    assert (again.envelope.event_id, again.envelope.occurred_at, again.envelope.actor) == ("id", 5, "ann")
    assert (again.envelope.producer_id != "p", again.envelope.sequence) == (True, 0)


def test_other_records_are_retried_as_they_are() -> None:
    event = e.Event(e.Envelope("id", 5, "p", 9, "ann"), e.ArtifactDeleted("run", "a.txt"))
    assert topics.ARTIFACTS not in FOLDED
    retried = event_to_retry(letter(topics.ARTIFACTS, "run", codec.encode(event)))
    assert retried.value == codec.encode(event)


def test_a_record_at_the_wrong_place_is_not_retried() -> None:
    event = e.Event(e.Envelope("id", 5, "p", 9, "ann"), e.TagsSet("run", {"a": "b"}))
    with pytest.raises(Conflict, match="cannot be retried"):
        event_to_retry(letter(topics.RUNS, "another run", codec.encode(event)))
