"""Events over HTTP: appended whole or not at all, and told back from the log."""

from __future__ import annotations

import base64
import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_schemas import codec, topics
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


def encoded(body: e.Body, producer_id: str, sequence: int) -> bytes:
    return codec.encode(e.Event(e.Envelope(new_id(), 1_700_000_000_000, producer_id, sequence), body))


def request(*messages: bytes) -> bytes:
    return ingest_request([EncodedEvent("", "", message) for message in messages])


def test_positions_and_order(server: LiveServer) -> None:
    run_id, producer_id = new_id(), new_id()
    bodies: list[e.Body] = [
        e.RunStarted(run_id, "0", "n", 5),
        e.ParamsLogged(run_id, {"a": "1"}),
        e.ArtifactDeleted(run_id, "x"),
        e.TagsSet(run_id, {"t": "1"}),
    ]
    messages = [encoded(body, producer_id, number) for number, body in enumerate(bodies)]
    answer = server.call("POST", "/api/v1/events", content=request(*messages))
    positions = answer["positions"]
    assert [position[0] for position in positions] == [
        topics.RUNS,
        topics.RUNS,
        topics.ARTIFACTS,
        topics.RUNS,
    ]
    offsets = [position[2] for position in positions if position[0] == topics.RUNS]
    assert offsets == list(range(offsets[0], offsets[0] + 3))
    told = server.call("GET", f"/api/v1/entities/runs/{run_id}/events")["events"]
    assert [base64.b64decode(message) for message in told] == [messages[0], messages[1], messages[3]]


def test_the_same_append_twice_changes_nothing(server: LiveServer) -> None:
    run_id, producer_id = new_id(), new_id()
    first = request(
        encoded(e.RunStarted(run_id, "0", "n", 5), producer_id, 0),
        encoded(e.TagsSet(run_id, {"t": "1"}), producer_id, 1),
    )
    second = request(encoded(e.TagsSet(run_id, {"t": "2"}), producer_id, 2))
    for body in (first, second, first):
        server.call("POST", "/api/v1/events", content=body)
    assert server.call("GET", f"/api/v1/runs/{run_id}")["tags"]["t"] == "2"


def test_one_bad_event_keeps_all_of_its_request_out(server: LiveServer) -> None:
    run_id, producer_id = new_id(), new_id()
    good = encoded(e.RunStarted(run_id, "0", "n", 5), producer_id, 0)
    refused = server.call("POST", "/api/v1/events", 400, content=request(good, good[:-2]))
    assert refused["field"] == "events[1]"
    assert "event 1 of 2" in refused["message"]
    assert server.call("GET", f"/api/v1/entities/runs/{run_id}/events") == {"events": []}
    server.call("GET", f"/api/v1/runs/{run_id}", 404)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xc3\x01" + bytes(8)])
def test_what_is_not_a_request(server: LiveServer, body: bytes) -> None:
    refused = server.call("POST", "/api/v1/events", 400, content=body)
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"


def test_history_of_nobody_and_of_an_unknown_kind(server: LiveServer) -> None:
    assert server.call("GET", "/api/v1/entities/experiments/12/events") == {"events": []}
    assert server.call("GET", "/api/v1/entities/launches/12/events") == {"events": []}
    refused = server.call("GET", "/api/v1/entities/walks/12/events", 400)
    assert refused["field"] == "kind"


def test_a_write_is_read_at_once_by_whoever_reads(server: LiveServer) -> None:
    """The read barrier: 4 clients that write and read side by side always see their own writes."""

    def write_and_read(client: int) -> None:
        run_id, producer_id = new_id(), new_id()
        for number in range(25):
            body: e.Body = (
                e.TagsSet(run_id, {"n": str(number)}) if number else e.RunStarted(run_id, "0", "n", 5)
            )
            server.call("POST", "/api/v1/events", content=request(encoded(body, producer_id, number)))
            answer = server.client.get(f"/api/v1/runs/{run_id}")
            assert answer.headers["x-trackstream-lag-ms"] == "0"
            assert answer.json()["tags"].get("n", "0") == str(number)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write_and_read, client) for client in range(4)]:
            done.result()


def test_eventual_reads_tell_how_old_they_may_be(server: LiveServer) -> None:
    run_id = server.new_run()
    server.call("GET", f"/api/v1/runs/{run_id}")
    answer = server.client.get(f"/api/v1/runs/{run_id}", params={"consistency": "eventual"})
    assert answer.status_code == 200
    assert int(answer.headers["x-trackstream-lag-ms"]) >= 0
    refused = server.call("GET", f"/api/v1/runs/{run_id}", 400, params={"consistency": "linear"})
    assert refused["field"] == "consistency"


def test_a_body_may_be_compressed(server: LiveServer) -> None:
    run_id = new_id()
    body = request(encoded(e.RunStarted(run_id, "0", "n", 5), new_id(), 0))
    packed = {"content": gzip.compress(body), "headers": {"Content-Encoding": "gzip"}}
    assert len(server.call("POST", "/api/v1/events", **packed)["positions"]) == 1
    assert server.call("GET", f"/api/v1/runs/{run_id}")["name"] == "n"


def test_an_encoding_that_is_not_read_is_refused(server: LiveServer) -> None:
    refused = server.call("POST", "/api/v1/events", 415, content=b"x", headers={"Content-Encoding": "br"})
    assert refused["field"] == "Content-Encoding header"
    assert refused["message"] == (
        "Content-Encoding header: got 'br', expected gzip, deflate or identity, or none of it"
    )


def test_a_body_that_unpacks_to_too_much_is_refused(server: LiveServer) -> None:
    bomb = gzip.compress(bytes(65 << 20), 1)
    refused = server.call("POST", "/api/v1/events", 413, content=bomb, headers={"Content-Encoding": "gzip"})
    assert refused["field"] == "request body"
