"""Launches through the API, as events make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

PATH = "/api/v1/launches"


def launch(server: LiveServer, run_id: str, *further: str) -> str:
    """Request a launch, take it, and say more of it, by name of the event."""
    launch_id = new_id()
    bodies: dict[str, e.Body] = {
        "claimed": e.LaunchClaimed(launch_id, "c", "node", 1, 3600.0),
        "started": e.LaunchStarted(launch_id, "c", "process 1", "x"),
        "finished": e.LaunchEnded(launch_id, "c", "finished", 0),
    }
    requested = e.LaunchRequested(launch_id, run_id, "0", "/project", "main", "local", None, {"a": "1"})
    server.log(requested, *(bodies[name] for name in further))
    return launch_id


def ids(server: LiveServer, **query: Any) -> list[str]:
    found = server.call("GET", PATH, params=query)["launches"]
    return [item["launch_id"] for item in found]


def test_they_are_listed_newest_first_by_state_and_run_page_by_page(server: LiveServer) -> None:
    run_id = new_id()
    waiting = launch(server, run_id)
    running = launch(server, run_id, "claimed", "started")
    done = launch(server, run_id, "claimed", "started", "finished")
    other = launch(server, new_id(), "claimed")
    mine = ids(server, run_id=run_id)
    assert sorted(mine) == sorted([waiting, running, done])
    assert other in ids(server)
    assert ids(server, run_id=run_id, state="running") == [running]
    assert sorted(ids(server, run_id=run_id, state=["requested", "finished"])) == sorted([waiting, done])
    seen: list[str] = []
    token = None
    while True:
        query = {"run_id": run_id, "limit": 1, **({"page_token": token} if token else {})}
        page = server.call("GET", PATH, params=query)
        seen += [item["launch_id"] for item in page["launches"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert seen == mine
    server.call("GET", PATH, 400, params={"page_token": "x"})
    server.call("GET", PATH, 400, params={"state": "lost"})


def test_they_are_found_by_a_part_of_their_id_and_by_entry_point(server: LiveServer) -> None:
    run_id = new_id()
    one, two = launch(server, run_id), launch(server, run_id)
    assert ids(server, id_part=one[:25]) == [one]
    assert ids(server, id_part=two[-12:]) == [two]
    assert ids(server, id_part="%") == []
    assert len(ids(server, run_id=run_id, entry_point="main")) == 2
    assert ids(server, run_id=run_id, entry_point="mai") == []


def test_as_they_were(server: LiveServer) -> None:
    run_id = new_id()
    going, later = launch(server, run_id, "claimed", "started"), new_id()
    entries = server.call("GET", f"/api/v1/history/launches/{going}")["entries"]
    then = {"as_of": entries[-1]["position"]}
    server.log(
        e.LaunchEnded(going, "c", "failed", 3, "no reason"),
        e.LaunchRequested(later, run_id, "0", "/project", "main", "local"),
    )
    assert server.call("GET", f"{PATH}/{going}")["state"] == "failed"
    before = server.call("GET", f"{PATH}/{going}", params=then)
    assert (before["state"], before["exit_code"], before["reason"]) == ("running", None, "")
    assert sorted(ids(server, run_id=run_id)) == sorted([going, later])
    assert ids(server, run_id=run_id, state="running", **then) == [going]
    server.call("GET", f"{PATH}/{later}", 404, params=then)


def test_one_of_them(server: LiveServer) -> None:
    launch_id = launch(server, new_id(), "claimed", "started")
    found = server.call("GET", f"{PATH}/{launch_id}")
    assert (found["state"], found["host"], found["parameters"]) == ("running", "node", {"a": "1"})
    assert (found["dirty"], found["exit_code"], found["ended_at"]) == (None, None, None)
    server.call("GET", f"{PATH}/nobody", 404)


def test_cancelling(server: LiveServer) -> None:
    waiting = launch(server, new_id())
    over = server.call("POST", f"{PATH}/{waiting}/cancel", json={"reason": "not needed"})
    assert (over["state"], over["reason"]) == ("cancelled", "not needed")
    running = launch(server, new_id(), "claimed", "started")
    asked = server.call("POST", f"{PATH}/{running}/cancel")
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)
    refused = server.call("POST", f"{PATH}/{waiting}/cancel", 400)
    assert refused["error_code"] == "INVALID_STATE"
    server.call("POST", f"{PATH}/nobody/cancel", 404)
    server.call("POST", f"{PATH}/{running}/cancel", 400, json={"why": "x"})


def test_logs(server: LiveServer) -> None:
    run_id = server.new_run()
    launch_id = launch(server, run_id, "claimed")
    empty = server.client.get(f"{PATH}/{launch_id}/logs")
    assert (empty.status_code, empty.content) == (200, b"")
    artifact = {"path": f"launches/{launch_id}/output.log"}
    server.call(
        "PUT", f"/api/v1/runs/{run_id}/artifacts/content", 201, params=artifact, content=b"one\ntwo\n"
    )
    assert server.client.get(f"{PATH}/{launch_id}/logs").content == b"one\ntwo\n"
    part = server.client.get(f"{PATH}/{launch_id}/logs", headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"two\n")
    server.call("GET", f"{PATH}/nobody/logs", 404)
