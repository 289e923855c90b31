"""Launches of queues through the API, as events make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

PATH = "/api/v1/launches"


def queued(server: LiveServer, queue: str, max_attempts: int = 2) -> tuple[str, str]:
    """Request a launch of a queue; returns its id and its run's."""
    launch_id, run_id = new_id(), server.new_run(further=())
    requested = e.LaunchRequested(
        launch_id, run_id, "0", "/x", "main", "local", queue=queue, max_attempts=max_attempts
    )
    server.log(e.RunUpdated(run_id, "SCHEDULED"), requested)
    return launch_id, run_id


def get(server: LiveServer, launch_id: str) -> Any:
    return server.call("GET", f"{PATH}/{launch_id}")


def status(server: LiveServer, run_id: str) -> str:
    return str(server.call("GET", f"/api/v1/runs/{run_id}")["status"])


def test_a_queue_oldest_first_page_by_page(server: LiveServer) -> None:
    queue = new_id()
    wanted = [queued(server, queue)[0] for _ in range(3)]
    queued(server, "another")
    found: list[str] = []
    query = {"queue": queue, "order": "oldest", "state": "requested", "limit": 2}
    while query:
        page = server.call("GET", PATH, params=query)
        found += [launch["launch_id"] for launch in page["launches"]]
        token = page["next_page_token"]
        query = {**query, "page_token": token} if token else {}
    # Those of the same millisecond are in the order of their ids.
    assert found == sorted(wanted)
    newest = server.call("GET", PATH, params={"queue": queue})["launches"]
    assert [launch["launch_id"] for launch in newest] == found[::-1]
    server.call("GET", PATH, 400, params={"order": "any"})


def test_the_claim_that_holds_is_told(server: LiveServer) -> None:
    launch_id, _ = queued(server, "q")
    assert (get(server, launch_id)["claim_id"], get(server, launch_id)["state"]) == ("", "requested")
    server.log(
        e.LaunchClaimed(launch_id, "one", "a", 1, 3600.0), e.LaunchClaimed(launch_id, "two", "b", 1, 9.0)
    )
    assert (get(server, launch_id)["claim_id"], get(server, launch_id)["attempts"]) == ("one", 1)


def test_cancelling_what_waits_ends_its_run(server: LiveServer) -> None:
    launch_id, run_id = queued(server, "q")
    assert status(server, run_id) == "SCHEDULED"
    assert server.call("POST", f"{PATH}/{launch_id}/cancel")["state"] == "cancelled"
    assert status(server, run_id) == "KILLED"


def test_a_silent_worker_loses_its_launch_until_the_attempts_are_used_up(server: LiveServer) -> None:
    launch_id, run_id = queued(server, "q")
    server.log(e.LaunchClaimed(launch_id, "one", "a", 1, 0.001))
    server.log(e.RunUpdated(run_id, "RUNNING"))
    # Nothing says so on the log yet.
    assert shown(server, launch_id) == (
        "requested",
        "launcher lost: nothing was heard of it for three heartbeats (attempt 1 of 2)",
    )
    again = wait_for(server, launch_id, "requested")
    assert (again["attempts"], again["claim_id"]) == (1, "")
    assert "attempt 1 of 2" in again["reason"]
    assert status(server, run_id) == "SCHEDULED"
    server.log(e.LaunchClaimed(launch_id, "two", "b", 1, 0.001))
    over = wait_for(server, launch_id, "failed")
    assert (over["attempts"], over["lost"], over["conflicts"]) == (2, True, [])
    assert "attempt 2 of 2" in over["reason"]
    assert status(server, run_id) == "FAILED"


def wait_for(server: LiveServer, launch_id: str, state: str) -> Any:
    """Return the launch once it is in this state: a millisecond's heartbeats are over soon."""
    for _ in range(10_000):
        found = get(server, launch_id)
        if found["state"] == state:
            return found
    raise AssertionError(f"{launch_id} is not {state}")


def shown(server: LiveServer, launch_id: str) -> tuple[str, str]:
    """Return a launch's state and reason in SQL, once it is silent: after a few milliseconds."""
    body = {
        "query": "SELECT state, reason FROM v_launches WHERE launch_id = {id:String}",
        "parameters": {"id": launch_id},
    }
    for _ in range(10_000):
        (row,) = server.call("POST", "/api/v1/sql", json=body)["rows"]
        if row[0] != "preparing":
            break
    return row[0], row[1]
