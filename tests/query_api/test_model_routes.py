"""Registered models over HTTP: every act, every refusal, and numbers under concurrency."""

from __future__ import annotations

import base64
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from trackstream_schemas import codec
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from tests.query_api.live_server import LiveServer

ROOT = "/api/v1/models"
SOURCE = {"source": "s3://bucket/model"}


def made(server: LiveServer, **fields: Any) -> str:
    """Create a model with a name of its own, and return its path."""
    name = fields.pop("name", f"model {new_id()}")
    server.call("POST", ROOT, 201, json={"name": name, **fields})
    return f"{ROOT}/{name}"


def registered(server: LiveServer, model: str, **fields: Any) -> Any:
    return server.call("POST", f"{model}/versions", 201, json={**SOURCE, **fields})


def test_a_life(server: LiveServer) -> None:
    name = f"life {new_id()}"
    body = {"name": name, "description": "finds faults", "tags": {"team": "a"}}
    model = server.call("POST", ROOT, 201, json=body)
    path = f"{ROOT}/{name}"
    assert (model["name"], model["description"], model["tags"]) == (name, "finds faults", {"team": "a"})
    assert (model["registered_model_id"], model["last_version"]) == (registered_model_id_of(name), 0)
    assert (model["aliases"], model["latest_versions"], model["conflicts"]) == ({}, [], [])
    assert model["created_at"] == model["updated_at"] > 0
    assert server.call("GET", path) == model

    first = registered(server, path, description="d", tags={"x": "1"}, run_link="http://elsewhere/r")
    assert (first["name"], first["version"], first["stage"], first["aliases"]) == (name, 1, "None", [])
    assert (first["source"], first["storage_location"]) == ("s3://bucket/model", "s3://bucket/model")
    assert (first["description"], first["tags"]) == ("d", {"x": "1"})
    assert (first["run_id"], first["model_id"], first["run_link"]) == (None, None, "http://elsewhere/r")
    assert server.call("GET", f"{path}/versions/1") == first
    assert registered(server, path)["version"] == 2

    assert server.call("PUT", f"{path}/tags", json={"team": "b", "a/b": "ü"})["tags"] == {
        "team": "b",
        "a/b": "ü",
    }
    assert server.call("DELETE", f"{path}/tags/a/b")["tags"] == {"team": "b"}
    assert server.call("DELETE", f"{path}/tags/a/b")["tags"] == {"team": "b"}
    assert server.call("PUT", f"{path}/versions/1/tags", json={"y": "2"})["tags"] == {"x": "1", "y": "2"}
    assert server.call("DELETE", f"{path}/versions/1/tags/x")["tags"] == {"y": "2"}
    assert server.call("PATCH", f"{path}/versions/1", json={"description": ""})["description"] == ""

    assert server.call("PUT", f"{path}/aliases/champion", json={"version": 1})["aliases"] == ["champion"]
    assert server.call("PUT", f"{path}/aliases/champion", json={"version": 2})["aliases"] == ["champion"]
    assert server.call("GET", f"{path}/aliases/champion")["version"] == 2
    assert server.call("GET", f"{path}/aliases/latest")["version"] == 2
    assert server.call("GET", path)["aliases"] == {"champion": 2}

    stage = f"{path}/versions/1/stage"
    assert server.call("POST", stage, json={"stage": "production"})["stage"] == "Production"
    moved = server.call(
        "POST", f"{path}/versions/2/stage", json={"stage": "Production", "archive_existing": True}
    )
    assert moved["stage"] == "Production"
    latest = server.call("GET", path)["latest_versions"]
    assert [(item["version"], item["stage"]) for item in latest] == [(1, "Archived"), (2, "Production")]

    renamed = server.call("PATCH", path, json={"name": f"{name}!", "description": "new"})
    assert (renamed["name"], renamed["description"]) == (f"{name}!", "new")
    assert renamed["registered_model_id"] == model["registered_model_id"]
    path = f"{ROOT}/{name}!"
    assert server.call("GET", f"{path}/versions/2")["aliases"] == ["champion"]
    assert server.call("GET", f"{ROOT}/{name}", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    assert server.call("DELETE", f"{path}/versions/2")["version"] == 2
    assert server.call("GET", f"{path}/versions/2", 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert server.call("GET", path)["aliases"] == {}
    assert registered(server, path)["version"] == 3
    assert server.call("DELETE", f"{path}/aliases/champion")["aliases"] == {}

    # The whole history is under the one id, across the rename.
    told = server.call("GET", f"/api/v1/entities/models/{model['registered_model_id']}/events")["events"]
    bodies = [codec.decode(base64.b64decode(message)).body for message in told]
    created = bodies[0]
    assert isinstance(created, e.RegisteredModelCreated)
    assert (created.name, created.description, created.tags) == (name, "finds faults", {"team": "a"})
    assert e.RegisteredModelRenamed(model["registered_model_id"], f"{name}!") in bodies

    assert server.call("DELETE", path)["name"] == f"{name}!"
    assert server.call("DELETE", path, 404)["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    again = server.call("POST", ROOT, 201, json={"name": f"{name}!"})
    assert (again["last_version"], again["tags"]) == (0, {})


def test_a_name_is_taken_until_it_is_given_away(server: LiveServer) -> None:
    first, second = made(server), made(server)
    name, other = first.removeprefix(f"{ROOT}/"), second.removeprefix(f"{ROOT}/")
    refused = server.call("POST", ROOT, 400, json={"name": name})
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"
    refused = server.call("PATCH", second, 400, json={"name": name})
    assert refused["error_code"] == "RESOURCE_ALREADY_EXISTS"
    server.call("PATCH", first, json={"name": f"{name} before"})
    server.call("PATCH", second, json={"name": name})
    made_again = server.call("POST", ROOT, 201, json={"name": other})
    assert made_again["registered_model_id"] == registered_model_id_of(other, 1)
    assert server.call("POST", ROOT, 400, json={"name": name})["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_ten_writers_number_versions_without_a_gap(server: LiveServer) -> None:
    path = made(server)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: registered(server, path, tags={"n": str(n)}), range(50)))
    assert sorted(answer["version"] for answer in answers) == list(range(1, 51))
    assert [answer["tags"] for answer in answers] == [{"n": str(n)} for n in range(50)]
    for answer in answers[::7]:
        assert server.call("GET", f"{path}/versions/{answer['version']}") == answer


def test_of_ten_creations_of_a_name_one_wins(server: LiveServer) -> None:
    body = {"name": f"contested {new_id()}"}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: server.client.post(ROOT, json=body), range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 400: 9}
    assert {answer.json()["error_code"] for answer in answers if answer.status_code == 400} == {
        "RESOURCE_ALREADY_EXISTS"
    }


def test_a_creation_that_lost_on_the_log_is_a_conflict(server: LiveServer) -> None:
    """Events as another process would append them, which this one could not have seen."""
    name = f"raced {new_id()}"
    model_id = registered_model_id_of(name)
    server.log(
        e.RegisteredModelCreated(model_id, name, "winner"),
        e.RegisteredModelCreated(model_id, name, "loser"),
        e.ModelVersionCreated(model_id, "v", "s3://bucket/x"),
        e.ModelAliasSet(model_id, "lost", 9),
    )
    found = server.call("GET", f"{ROOT}/{name}")
    assert [(entry["key"], entry["kept"], entry["rejected"]) for entry in found["conflicts"]] == [
        ("name", "winner", "loser"),
        ("ModelAliasSet", None, 9),
    ]
    assert (found["last_version"], found["aliases"]) == (1, {})


def test_search_models(server: LiveServer) -> None:
    mark = new_id()
    for number, team in enumerate("abab"):
        made(server, name=f"{mark} {number}", tags={"team": team, "the owner": "o'b"})
    made(server, name=f"{mark} prompt", tags={"mlflow.prompt.is_prompt": "true"})

    def names(**query: Any) -> list[str]:
        query["filter"] = f"name LIKE '{mark}%'" + query.get("filter", "")
        found = server.call("GET", ROOT, params=query)["models"]
        return [item["name"].removeprefix(f"{mark} ") for item in found]

    assert names() == ["0", "1", "2", "3"]
    assert names(order_by="name DESC") == ["3", "2", "1", "0"]
    assert names(filter=" AND tags.team = 'a'", order_by="last_updated_timestamp DESC") == ["2", "0"]
    assert names(filter=" AND tags.`the owner` = 'o''b' AND tags.team != 'a'") == ["1", "3"]
    assert names(filter=" AND name ILIKE '%2'") == ["2"]
    assert names(filter=" AND tags.`mlflow.prompt.is_prompt` = 'true'") == ["prompt"]
    assert names(filter=" AND tags.`mlflow.prompt.is_prompt` != 'true'") == ["0", "1", "2", "3"]
    both = f"name IN ('{mark} 1', '{mark} 3')"
    assert len(server.call("GET", ROOT, params={"filter": both})["models"]) == 2

    query = {"filter": f"name LIKE '{mark}%'", "limit": 3}
    page = server.call("GET", ROOT, params=query)
    rest = server.call("GET", ROOT, params={**query, "page_token": page["next_page_token"]})
    assert [item["name"][-1] for item in page["models"] + rest["models"]] == ["0", "1", "2", "3"]
    assert rest["next_page_token"] is None


def test_search_versions(server: LiveServer) -> None:
    path = made(server)
    name = path.removeprefix(f"{ROOT}/")
    run_id = server.new_run()
    for number in range(12):
        registered(server, path, source=f"s3://bucket/{number}", tags={"odd": str(number % 2)})
    registered(server, path, source=f"runs:/{run_id}/model")

    def numbers(filter: str = "", **query: Any) -> list[int]:
        query["filter"] = f"name = '{name}'{filter}"
        found = server.call("GET", "/api/v1/model-versions", params=query)["versions"]
        return [item["version"] for item in found]

    assert numbers() == list(range(13, 0, -1))
    assert numbers(" AND version_number > 10", order_by="version_number ASC") == [11, 12, 13]
    assert numbers(" AND tags.odd = '1' AND version_number <= 4") == [4, 2]
    assert numbers(f" AND run_id = '{run_id}'") == [13]
    assert numbers(f" AND run_id IN ('{run_id}', 'x')") == [13]
    assert numbers(" AND source_path LIKE '%/7'") == [8]
    collected: list[int] = []
    token = None
    while True:
        query = {
            "filter": f"name = '{name}'",
            "limit": 5,
            "page_token": token,
            "order_by": "version_number ASC",
        }
        page = server.call(
            "GET", "/api/v1/model-versions", params={key: value for key, value in query.items() if value}
        )
        collected += [item["version"] for item in page["versions"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert collected == list(range(1, 14))


def test_sources_are_resolved(server: LiveServer) -> None:
    run_id = server.new_run(further=())
    path = made(server)
    name = path.removeprefix(f"{ROOT}/")
    first = registered(server, path, source=f"runs:/{run_id}/model")
    assert first["run_id"] == run_id
    copy = registered(server, path, source=f"models:/{name}/1")
    assert (copy["source"], copy["run_id"]) == (f"models:/{name}/1", run_id)
    assert copy["storage_location"] == f"runs:/{run_id}/model"
    server.call("PUT", f"{path}/aliases/a", json={"version": 2})
    for uri in (
        f"runs:/{run_id}/model",
        f"models:/{name}/1",
        f"models:/{name}@a",
        f"models:/{name}/latest",
        f"models:/{name}/None",
        f"mlflow-artifacts:/0/{run_id}/artifacts/model",
    ):
        found = server.call("GET", "/api/v1/artifact-places", params={"uri": uri})
        assert found == {"run_id": run_id, "path": "model"}, uri
    outside = registered(server, path)
    refused = server.call(
        "GET", "/api/v1/artifact-places", 400, params={"uri": f"models:/{name}/{outside['version']}"}
    )
    assert refused["error_code"] == "INVALID_PARAMETER_VALUE"
    refused = server.call("GET", "/api/v1/artifact-places", 404, params={"uri": f"models:/{name}/Staging"})
    assert refused["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "models:/nothing-of-this-name/1",
        "models:/m-00000000000000000000000000000000",
        "models:/a/b/c",
        "runs:/",
        "mlflow-artifacts:/0/00000000000000000000000000000000/artifacts/model",
        "mlflow-artifacts:/0/../x",
        "s3://bucket/%2e%2e/x",
        "",
    ],
)
def test_a_source_that_is_none_is_refused(server: LiveServer, source: str) -> None:
    path = made(server)
    answer = server.client.post(f"{path}/versions", json={"source": source})
    assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
    assert server.call("GET", path)["last_version"] == 0


def test_a_source_of_another_run_is_refused(server: LiveServer) -> None:
    mine, other, path = server.new_run(), server.new_run(), made(server)
    body = {"source": f"runs:/{mine}/model", "run_id": other}
    assert server.call("POST", f"{path}/versions", 400, json=body)["field"] == "source"


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "..", "n" * 257, "a\x00"])
def test_a_bad_name_is_refused(server: LiveServer, name: str) -> None:
    refused = server.call("POST", ROOT, 400, json={"name": name})
    assert (refused["error_code"], refused["field"]) == ("INVALID_PARAMETER_VALUE", "name")


def test_refusals(server: LiveServer) -> None:
    path = made(server)
    registered(server, path)
    invalid = [
        ("PUT", f"{path}/aliases/latest", {"version": 1}),
        ("PUT", f"{path}/aliases/v1", {"version": 1}),
        ("PUT", f"{path}/aliases/a%20b", {"version": 1}),
        ("POST", f"{path}/versions/1/stage", {"stage": "nowhere"}),
        ("POST", f"{path}/versions/1/stage", {"stage": "None", "archive_existing": True}),
        ("PUT", f"{path}/tags", {"a": "x" * 100_001}),
        ("PATCH", path, {"descriptions": "x"}),
        ("POST", f"{path}/versions", {}),
    ]
    for method, where, body in invalid:
        assert server.call(method, where, 400, json=body)["error_code"] == "INVALID_PARAMETER_VALUE", where
    assert server.call("GET", f"{path}/versions/x", 400)["field"] == "version"
    for query in ("nothing = 'x'", "name > 'x'", "tags.a = 1", "name = 'x' OR name = 'y'"):
        assert "position" in server.call("GET", ROOT, 400, params={"filter": query})
    missing = [
        ("GET", f"{path}/versions/2", None),
        ("GET", f"{path}/aliases/nobody", None),
        ("PUT", f"{path}/aliases/a", {"version": 2}),
        ("POST", f"{path}/versions/2/stage", {"stage": "Staging"}),
        ("DELETE", f"{path}/versions/2", None),
        ("DELETE", f"{ROOT}/nothing", None),
        ("POST", f"{ROOT}/nothing/versions", SOURCE),
    ]
    for method, where, body in missing:
        answer = server.call(method, where, 404, json=body)
        assert answer["error_code"] == "RESOURCE_DOES_NOT_EXIST", where


def test_views_of_the_registry(server: LiveServer) -> None:
    path = made(server)
    name = path.removeprefix(f"{ROOT}/")
    registered(server, path)
    server.call("PUT", f"{path}/aliases/a", json={"version": 1})
    query = (
        "SELECT v.version, v.aliases, v.stage, m.aliases, m.description FROM v_model_versions AS v"
        " JOIN v_models AS m ON m.name = v.name WHERE v.name = {name:String}"
    )
    found = server.call("POST", "/api/v1/sql", json={"query": query, "parameters": {"name": name}})
    assert found["rows"] == [[1, ["a"], "None", {"a": 1}, ""]]
