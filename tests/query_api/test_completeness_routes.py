"""Whether all of a run is here, over HTTP and in searches: what writers say against what arrived."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.consumers.story import points
from trackstream.log.http import ingest_request
from trackstream.log.port import EncodedEvent
from trackstream_schemas import codec
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer


@dataclass
class Writer:
    """One process that writes to a run as it is told to; what it skips is lost on the way."""

    server: LiveServer
    run_id: str
    name: str = ""

    def __post_init__(self) -> None:
        self.producer_id = new_id()
        self.sequence = 0

    def send(self, *bodies: e.Body, at: int | None = None) -> None:
        messages = []
        for body in bodies:
            envelope = e.Envelope(
                new_id(), at or time.time_ns() // 1_000_000, self.producer_id, self.sequence
            )
            self.sequence += 1
            messages.append(EncodedEvent("", "", codec.encode(e.Event(envelope, body))))
        self.server.call("POST", "/api/v1/events", content=ingest_request(messages))

    def log(self, *steps: int, key: str = "loss") -> None:
        self.send(points(self.run_id, key, *steps, writer=self.name))

    def lose(self, events: int = 1) -> None:
        self.sequence += events

    def report(self, state: e.WriterState, at: int | None = None, **fields: Any) -> None:
        said = {"started_at": 1_700_000_000_000, "heartbeat_s": 600.0, "first_sequence": 0} | fields
        self.send(e.WriterReported(self.run_id, self.name, state, **said), at=at)


def completeness(server: LiveServer, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.call("GET", f"/api/v1/runs/{run_id}/completeness")
    return found


def found_by(server: LiveServer, run_ids: list[str], condition: str) -> set[str]:
    ids = ", ".join(f"'{run_id}'" for run_id in run_ids)
    body = {"filter": f"run_id IN ({ids}) AND {condition}"}
    return {run["run_id"] for run in server.call("POST", "/api/v1/runs/search", json=body)["runs"]}


def test_a_run_is_complete_when_every_writer_has_closed_and_all_is_here(server: LiveServer) -> None:
    run_id = server.new_run()
    writer, other = Writer(server, run_id, "rank0"), Writer(server, run_id, "rank1")
    writer.report("attached")
    writer.log(1, 2, 3)
    writer.send(e.ParamsLogged(run_id, {"a": "1"}), e.ArtifactDeleted(run_id, "x"))
    other.report("attached")
    other.log(1, key="acc")
    told = completeness(server, run_id)
    assert told["completeness"] == "in flight"
    assert told["summary"] == "in flight (0 behind): rank0, rank1 may send more"
    writer.report("closed", batches=1, points={"loss": 3}, run_events=1, artifact_events=1)
    other.report("closed", batches=1, points={"acc": 1})
    told = completeness(server, run_id)
    assert told["completeness"] == told["summary"] == "complete"
    first, second = told["writers"]
    assert first["metrics"] == [{"key": "loss", "sent": 3, "projected": 3}]
    assert first["sent"] == first["projected"]
    assert (first["writer"], first["state"], second["writer"]) == ("rank0", "closed", "rank1")


def test_what_never_arrived_is_named_with_its_sequences_until_it_arrives(server: LiveServer) -> None:
    run_id = server.new_run()
    writer = Writer(server, run_id)
    writer.log(1, 2)
    writer.lose()
    writer.send(e.ParamsLogged(run_id, {"a": "1"}))
    writer.lose()
    writer.report("closed", batches=2, points={"loss": 3, "acc": 1}, run_events=2)
    told = completeness(server, run_id)
    assert told["completeness"] == "missing"
    (known,) = told["writers"]
    assert known["missing_sequences"] == [{"first": 1, "last": 1}, {"first": 3, "last": 3}]
    assert known["metrics"] == [
        {"key": "acc", "sent": 1, "projected": 0},
        {"key": "loss", "sent": 3, "projected": 2},
    ]
    assert "2 points, 1 batches, 1 run events, sequences 1, 3" in told["summary"]
    # Another copy of the process's spool is synced later.
    writer.sequence = 1
    writer.log(3, key="loss")
    writer.sequence = 3
    writer.send(e.TagsSet(run_id, {"t": "1"}))
    told = completeness(server, run_id)
    assert told["completeness"] == "missing"
    assert told["writers"][0]["missing_sequences"] == []
    assert "1 points" in told["summary"]


def test_what_the_process_could_not_keep_is_missing(server: LiveServer) -> None:
    run_id = server.new_run()
    Writer(server, run_id).report("closed", lost_points=7)
    told = completeness(server, run_id)
    assert told["completeness"] == "missing"
    assert "7 points and 0 events never left its process" in told["summary"]


def test_a_writer_that_died_is_seen_and_the_run_goes_on(server: LiveServer) -> None:
    run_id = server.new_run()
    dead, alive = Writer(server, run_id, "rank0"), Writer(server, run_id, "rank1")
    dead.log(1)
    dead.report("alive", at=1_700_000_000_000, batches=1, points={"loss": 1})
    alive.report("alive")
    told = completeness(server, run_id)
    states = {writer["writer"]: (writer["state"], writer["completeness"]) for writer in told["writers"]}
    assert states == {"rank0": ("silent", "unconfirmed"), "rank1": ("alive", "in flight")}
    assert server.call("GET", f"/api/v1/runs/{run_id}")["status"] == "RUNNING"
    alive.report("closed")
    told = completeness(server, run_id)
    assert told["completeness"] == "unconfirmed"
    assert "rank0" in told["summary"]
    assert "fell silent" in told["summary"]


def test_who_never_reports_cannot_be_called_complete(server: LiveServer) -> None:
    run_id = server.new_run()
    assert completeness(server, run_id)["summary"] == "unconfirmed: no writer has reported what it sent"
    Writer(server, run_id, "rank0").report("closed")
    assert completeness(server, run_id)["completeness"] == "complete"
    Writer(server, run_id, "old").log(1)
    assert "old (" in completeness(server, run_id)["summary"]
    told = completeness(server, run_id)
    assert told["completeness"] == "unconfirmed"
    assert [writer["state"] for writer in told["writers"]] == ["unreported", "closed"]


def test_of_what_comes_through_rest_nobody_reports(server: LiveServer) -> None:
    run_id = server.new_run()
    point = {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1, "step": 1}
    server.call("POST", "/api/2.0/mlflow/runs/log-metric", json=point)
    said = "unconfirmed: logged through REST or MLflow's client, which does not report what it sent"
    assert completeness(server, run_id)["summary"] == said


def test_a_batch_that_is_appended_twice_does_not_make_up_for_one_that_is_missing(server: LiveServer) -> None:
    run_id = server.new_run()
    writer = Writer(server, run_id)
    for _ in range(2):
        writer.sequence = 0
        writer.log(1, 2)
    writer.sequence = 2
    writer.report("closed", batches=2, points={"loss": 4})
    told = completeness(server, run_id)
    assert told["completeness"] == "missing"
    assert told["writers"][0]["projected"]["points"] == 2


def test_searches_filter_by_the_verdict(server: LiveServer) -> None:
    complete, missing, unheard = (server.new_run() for _ in range(3))
    Writer(server, complete).report("closed")
    Writer(server, missing).report("closed", batches=1, points={"loss": 1})
    runs = [complete, missing, unheard]
    assert found_by(server, runs, "tags.trackstream.completeness = 'complete'") == {complete}
    assert found_by(server, runs, "tags.trackstream.completeness != 'complete'") == {missing}
    assert found_by(server, runs, "tags.trackstream.completeness LIKE '%i%'") == {missing}
    assert found_by(server, runs, "tags.trackstream.completeness IS NULL") == {unheard}
    everywhere = {"filter": "tags.trackstream.completeness = 'missing'", "limit": 10_000}
    found = server.call("POST", "/api/v1/runs/search", json=everywhere)["runs"]
    assert missing in {run["run_id"] for run in found}


def test_the_view_tells_the_same(server: LiveServer) -> None:
    run_id = server.new_run()
    writer = Writer(server, run_id, "rank3")
    writer.log(1, 2)
    writer.report("closed", batches=1, points={"loss": 2})
    columns = "writer, completeness, sent_points, projected_points"
    query = f"SELECT {columns} FROM v_writers WHERE run_id = {{run:String}}"
    body = {"query": query, "parameters": {"run": run_id}}
    assert server.call("POST", "/api/v1/sql", json=body)["rows"] == [["rank3", "complete", 2, 2]]


def test_a_run_that_is_not_there(server: LiveServer) -> None:
    server.call("GET", f"/api/v1/runs/{new_id()}/completeness", 404)
