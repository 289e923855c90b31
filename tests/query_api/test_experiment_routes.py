"""Experiments over HTTP: every act and every refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trackstream_schemas import events as e
from trackstream_schemas.ids import experiment_id_of, new_id

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

ROOT = "/api/v1/experiments"


def test_the_default_experiment_is_there(server: LiveServer) -> None:
    found = server.call("GET", f"{ROOT}/0")
    assert (found["name"], found["lifecycle_stage"]) == ("Default", "active")
    assert server.call("DELETE", f"{ROOT}/0", 400)["error_code"] == "INVALID_STATE"
    assert server.call("PATCH", f"{ROOT}/0", 400, json={"name": "x"})["error_code"] == "INVALID_STATE"


def test_a_life(server: LiveServer) -> None:
    name = f"life {new_id()}"
    body = {"name": name, "artifact_location": "s3://bucket/x", "tags": {"team": "a"}}
    made = server.call("POST", ROOT, 201, json=body)
    path = f"{ROOT}/{made['experiment_id']}"
    assert made["experiment_id"] == experiment_id_of(name)
    assert (made["name"], made["artifact_location"], made["tags"]) == (name, "s3://bucket/x", {"team": "a"})
    assert made["created_at"] == made["updated_at"] > 0
    assert made["conflicts"] == []
    assert server.call("GET", path) == made

    tagged = server.call("PUT", f"{path}/tags", json={"team": "b", "more": "ü\n'"})
    assert tagged["tags"] == {"team": "b", "more": "ü\n'"}
    assert server.call("PUT", f"{path}/tags", json={})["tags"] == tagged["tags"]

    renamed = server.call("PATCH", path, json={"name": f"{name}!"})
    assert (renamed["name"], renamed["experiment_id"]) == (f"{name}!", made["experiment_id"])

    assert server.call("DELETE", path)["lifecycle_stage"] == "deleted"
    assert server.call("DELETE", path, 400)["error_code"] == "INVALID_STATE"
    assert server.call("PUT", f"{path}/tags", 400, json={"a": "b"})["error_code"] == "INVALID_STATE"
    assert server.call("POST", f"{path}/restore")["lifecycle_stage"] == "active"
    assert server.call("POST", f"{path}/restore", 400)["error_code"] == "INVALID_STATE"


def test_a_taken_name_is_refused_also_of_a_deleted_one(server: LiveServer) -> None:
    name = f"taken {new_id()}"
    experiment_id = server.new_experiment(name)
    assert server.call("POST", ROOT, 400, json={"name": name})["error_code"] == "RESOURCE_ALREADY_EXISTS"
    server.call("DELETE", f"{ROOT}/{experiment_id}")
    refused = server.call("POST", ROOT, 400, json={"name": name})
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert "deleted" in refused["message"]
    other = server.new_experiment()
    refused = server.call("PATCH", f"{ROOT}/{other}", 400, json={"name": name})
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_a_name_that_was_given_away_gets_the_next_id(server: LiveServer) -> None:
    name = f"given away {new_id()}"
    first = server.new_experiment(name)
    server.call("PATCH", f"{ROOT}/{first}", json={"name": f"{name} before"})
    second = server.call("POST", ROOT, 201, json={"name": name})
    assert second["experiment_id"] == experiment_id_of(name, 1)
    assert server.call("GET", f"{ROOT}/{first}")["name"] == f"{name} before"


@pytest.mark.parametrize("name", ["", "  ", "n" * 501, "a\x00b"])
def test_a_bad_name_leaves_nothing(server: LiveServer, name: str) -> None:
    before = server.call("GET", "/api/v1/status")["experiments"]
    refused = server.call("POST", ROOT, 400, json={"name": name})
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    assert refused["field"] == "name"
    assert server.call("GET", "/api/v1/status")["experiments"] == before


def test_what_is_not_there(server: LiveServer) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/restore"), ("PUT", "/tags")]:
        options = {"PATCH": {"json": {"name": "x"}}, "PUT": {"json": {"k": "v"}}}.get(method, {})
        refused = server.call(method, f"{ROOT}/123{path}", 404, **options)
        assert refused["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        assert "123" in refused["message"]


def test_an_experiment_that_producers_only_named_is_no_experiment_yet(server: LiveServer) -> None:
    stray = experiment_id_of(new_id())
    server.log(e.ExperimentTagsSet(stray, {"k": "v"}))
    server.call("GET", f"{ROOT}/{stray}", 404)


def test_listing_by_name_and_view(server: LiveServer) -> None:
    name = f"listed {new_id()}"
    experiment_id = server.new_experiment(name)
    found = server.call("GET", ROOT, params={"name": name})
    assert [item["experiment_id"] for item in found["experiments"]] == [experiment_id]
    assert found["next_page_token"] is None
    server.call("DELETE", f"{ROOT}/{experiment_id}")
    for view, expected in [("active", []), ("deleted", [experiment_id]), ("all", [experiment_id])]:
        found = server.call("GET", ROOT, params={"name": name, "view": view})
        assert [item["experiment_id"] for item in found["experiments"]] == expected


def test_pages_are_stable_and_complete(server: LiveServer) -> None:
    prefix = f"paged {new_id()}"
    made = [server.new_experiment(f"{prefix} {number:02}") for number in range(11)]
    query = {"filter": f"name LIKE '{prefix}%'", "order_by": ["name DESC"], "limit": 4}
    found: list[str] = []
    token = None
    while True:
        page = server.call("GET", ROOT, params={**query, **({"page_token": token} if token else {})})
        found += [item["experiment_id"] for item in page["experiments"]]
        # What comes in between two pages shifts none of the others.
        server.new_experiment(f"{prefix} 99 {new_id()}")
        token = page["next_page_token"]
        if token is None:
            break
    assert found == made[::-1]
