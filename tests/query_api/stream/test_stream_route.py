"""The stream over HTTP, from a real server."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import numpy as np
import pytest

from tests.query_api.live_server import LiveServer
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sent(NamedTuple):
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


def events_of(answer: httpx.Response) -> Iterator[Sent]:
    """Yield the events of a stream as they come, by the rules of the HTML standard."""
    place, name, data = "", "", ""
    for line in answer.iter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            place = value
        elif field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and data:
            yield Sent(place, name, json.loads(data))
            name, data = "", ""


@contextmanager
def listening(server: LiveServer, last: str | None = None, **query: Any) -> Iterator[Iterator[Sent]]:
    """Open a stream; with `last` as one that comes back."""
    headers = {"last-event-id": last} if last is not None else {}
    with (
        httpx.Client(base_url=server.url, timeout=60) as client,
        client.stream("GET", "/api/v1/stream", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_of(answer)


def all_of(server: LiveServer, last: str | None = None, **query: Any) -> list[Sent]:
    """Return what a stream that does not follow gives."""
    with listening(server, last, follow="false", **query) as found:
        return list(found)


def metrics(run_id: str, *values: float) -> e.MetricsLogged:
    count = len(values)
    steps = np.arange(count)
    return e.MetricsLogged(
        run_id, "", ("loss",), np.zeros(count, np.int32), steps, 1000 + steps, np.array(values)
    )


def test_the_whole_log_in_its_order(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(e.ParamsLogged(run_id, {"lr": "0.1"}), metrics(run_id, 1.0, float("nan")))
    *found, end = all_of(server, since="beginning", run=run_id)
    assert (end.name, end.data["reason"], end.data["position"]) == ("end", "end", end.id)
    assert [event.data["type"] for event in found] == ["RunStarted", "ParamsLogged", "MetricsLogged"]
    started, params, points = (event.data for event in found)
    assert (started["topic"], started["key"], started["body"]["run_id"]) == (
        "trackstream.runs",
        run_id,
        run_id,
    )
    assert params["body"]["params"] == {"lr": "0.1"}
    assert params["appended_at"] >= started["appended_at"] > 0
    assert points["body"] == {
        "run_id": run_id,
        "writer": "",
        "points": 2,
        "metrics": {
            "loss": {
                "points": 2,
                "first_step": 0,
                "last_step": 1,
                "value": "NaN",
                "step": 1,
                "timestamp": 1001,
            }
        },
    }


def test_full_points(server: LiveServer) -> None:
    run_id = server.new_run()
    server.log(metrics(run_id, 1.0, float("-inf")))
    found, _ = all_of(server, since="beginning", run=run_id, type="MetricsLogged", points="full")
    body = found.data["body"]
    assert (body["keys"], body["key_index"], body["steps"]) == (["loss"], [0, 0], [0, 1])
    assert (body["timestamps"], body["values"]) == ([1000, 1001], [1.0, "-Infinity"])


def test_an_experiment_has_its_own_events_and_those_of_its_runs(server: LiveServer) -> None:
    mine, other = server.new_experiment(), server.new_experiment()
    run_id, stranger = server.new_run(mine), server.new_run(other)
    model_id = f"m-{new_id()}"
    server.log(
        e.TagsSet(stranger, {"a": "b"}),
        metrics(run_id, 1.0),
        e.LoggedModelCreated(model_id, mine, "forest"),
        e.LoggedModelTagsSet(model_id, {"a": "b"}),
        e.ExperimentTagsSet(mine, {"team": "a"}),
    )
    *found, _ = all_of(server, since="beginning", experiment=mine)
    assert sorted(event.data["type"] for event in found) == [
        "ExperimentCreated",
        "ExperimentTagsSet",
        "LoggedModelCreated",
        "LoggedModelTagsSet",
        "MetricsLogged",
        "RunStarted",
    ]
    # The run's start was before: it is looked up.
    *later, _ = all_of(server, last=found[-1].id, experiment=mine)
    assert later == []
    server.log(e.TagsSet(run_id, {"c": "d"}), e.TagsSet(stranger, {"c": "d"}))
    *later, _ = all_of(server, last=found[-1].id, experiment=mine)
    assert [event.data["key"] for event in later] == [run_id]


def test_a_listener_gets_what_comes(server: LiveServer) -> None:
    run_id = server.new_run()
    with listening(server, run=run_id) as live, listening(server, topic="runs", type="TagsSet") as tags:
        for number in range(20):
            server.log(e.TagsSet(run_id, {"n": str(number)}))
            event = next(live)
            assert event.data["body"]["tags"] == {"n": str(number)}
            assert next(tags).data == event.data


def test_a_listener_of_two_runs_gets_what_comes_of_both(server: LiveServer) -> None:
    one, other, third = (server.new_run() for _ in range(3))
    with listening(server, run=[one, other]) as live:
        for number, run_id in enumerate((one, third, other)):
            server.log(e.TagsSet(run_id, {"n": str(number)}))
        assert [next(live).data["body"]["run_id"] for _ in range(2)] == [one, other]


def test_who_comes_back_misses_nothing_and_gets_nothing_twice(server: LiveServer) -> None:
    run_id = server.new_run()
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set() or written < 50:
            server.log(e.TagsSet(run_id, {"n": str(written)}))
            written += 1

    writer = threading.Thread(target=write)
    got: list[int] = []
    with listening(server, run=run_id) as live:
        writer.start()
        last = ""
        for event in live:
            got.append(int(event.data["body"]["tags"]["n"]))
            last = event.id
            if len(got) >= 3:
                break
    for _ in range(8):
        with listening(server, last, run=run_id) as live:
            for count, event in enumerate(live, 1):
                got.append(int(event.data["body"]["tags"]["n"]))
                last = event.id
                if count == 4:
                    break
    stop.set()
    writer.join()
    *rest, _ = all_of(server, last, run=run_id)
    got += [int(event.data["body"]["tags"]["n"]) for event in rest]
    assert got == list(range(written))


def test_since_a_position_or_a_time(server: LiveServer) -> None:
    run_id = server.new_run()
    for number in range(3):
        server.log(e.TagsSet(run_id, {"n": str(number)}))
    *found, _ = all_of(server, since="beginning", run=run_id)
    second = found[2].data
    place = f"{second['topic']}:{second['partition']}:{second['offset']}"
    for since in (place, place.removeprefix("trackstream.")):
        *part, _ = all_of(server, since=since, run=run_id)
        assert [event.data for event in part] == [event.data for event in found[2:]]
    *part, _ = all_of(server, since=found[1].id, run=run_id)
    assert [event.data for event in part] == [event.data for event in found[2:]]
    *part, _ = all_of(server, since=str(found[0].data["appended_at"]), run=run_id)
    assert [event.data for event in part] == [event.data for event in found]
    assert len(all_of(server, since="1h", run=run_id)) == 5
    assert len(all_of(server, since="now", run=run_id)) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"run": "../x"}, "run"),
        ({"experiment": "a b"}, "experiment"),
        ({"type": "RunBegan"}, "type"),
        ({"topic": "walks"}, "topic"),
        ({"topic": "artifact-bytes"}, "topic"),
        ({"topic": "experiments", "type": "RunStarted"}, "topic"),
        ({"since": "yesterday"}, "since"),
        ({"since": "walks:0:1"}, "since"),
        ({"since": "runs=x"}, "since"),
        ({"since": "runs:0:1,now"}, "since"),
        ({"points": "some"}, "points"),
    ],
)
def test_what_cannot_be_right_is_refused(server: LiveServer, query: dict[str, str], field: str) -> None:
    answer = server.client.get("/api/v1/stream", params=query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_a_position_beyond_the_end_is_not_found(server: LiveServer) -> None:
    refused = server.call("GET", "/api/v1/stream", 404, params={"since": "runs:0:999999999"})
    assert "runs:0:999999999" in refused["message"]


def test_a_stopping_server_says_where_to_go_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    live = LiveServer(tmp_path_factory.mktemp("stopping"))
    try:
        run_id = live.new_run()
        with listening(live, run=run_id) as found:
            live.log(e.TagsSet(run_id, {"a": "b"}))
            last = next(found)
            live.process.terminate()
            end = next(found)
            assert (end.name, end.data["reason"]) == ("end", "stopping")
            assert end.id == last.id
            assert next(found, None) is None
        assert live.process.wait(60) == 0
    finally:
        live.close()
