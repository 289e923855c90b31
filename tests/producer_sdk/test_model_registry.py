"""Registering models from a trainer: through a server, through a directory's server, and on the log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.producer_sdk.log_contents import stored
from tests.query_api.live_server import LiveServer
from trackstream.client import Client
from trackstream.errors import InvalidInput, Rejected
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def registry_events(directory: Path) -> list[e.RegistryBody]:
    """What is on a directory's log about the registry."""
    found = [record.event.body for record in stored(directory)]
    return [body for body in found if isinstance(body, e.RegistryBody)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(tmp_path_factory.mktemp("served"))
    yield live
    live.close()


@pytest.fixture(params=["address", "directory"])
def client(request: pytest.FixtureRequest, server: LiveServer) -> Iterator[Client]:
    """A client of the server, by its address or by the directory that it holds."""
    opened = Client(server.url if request.param == "address" else server.directory)
    yield opened
    opened.close()


def test_a_server_tells_the_number(client: Client, server: LiveServer) -> None:
    name = f"line {new_id()}"
    run = client.create_run()
    run.set_tag("logged", "before")
    uri = f"runs:/{run.run_id}/model"
    assert client.register_model(uri, name, tags={"n": 1}, description="d") == (name, 1, uri)
    assert client.register_model("s3://bucket/x", name).version == 2
    client.set_model_alias(name, "champion", 1)
    assert client.register_model(f"models:/{name}@champion", name).version == 3
    found = server.call("GET", f"/api/v1/models/{name}/aliases/champion")
    assert (found["run_id"], found["tags"], found["description"]) == (run.run_id, {"n": "1"}, "d")
    assert server.call("GET", f"/api/v1/runs/{run.run_id}")["tags"]["logged"] == "before"
    with pytest.raises(Rejected, match="not found"):
        client.set_model_alias(name, "champion", 9)
    with pytest.raises(Rejected, match="source"):
        client.register_model("mlflow-artifacts:/0/nobody/artifacts", name)


def test_without_a_server_the_log_takes_it(tmp_path: Path) -> None:
    client = Client(tmp_path / "store")
    run = client.create_run()
    uri = f"runs:/{run.run_id}/model"
    assert client.register_model(uri, "line", tags={"n": 1}) == ("line", None, uri)
    assert client.register_model("models:/m-1", "line").version is None
    client.set_model_alias("line", "champion", 2)
    with pytest.raises(InvalidInput, match="server"):
        client.register_model("models:/line/1", "line")
    client.close()
    model_id = registered_model_id_of("line")
    told = registry_events(tmp_path / "store")
    assert [type(body) for body in told] == [
        e.RegisteredModelCreated,
        e.ModelVersionCreated,
        e.ModelVersionCreated,
        e.ModelAliasSet,
    ]
    assert {body.registered_model_id for body in told} == {model_id}
    live = LiveServer(tmp_path / "store")
    found = live.call("GET", "/api/v1/models/line")
    assert (found["last_version"], found["aliases"], found["conflicts"]) == (2, {"champion": 2}, [])
    assert live.call("GET", "/api/v1/models/line/versions/1")["run_id"] == run.run_id
    live.close()


def test_a_name_that_was_given_away_gets_the_next_id(tmp_path: Path) -> None:
    client = Client(tmp_path / "store")
    client.register_model("s3://bucket/x", "line")
    client.producer.emit_and_wait([e.RegisteredModelRenamed(registered_model_id_of("line"), "old line")])
    client.register_model("s3://bucket/y", "line")
    client.close()
    last = registry_events(tmp_path / "store")[-1]
    assert last.registered_model_id == registered_model_id_of("line", 1)


@pytest.mark.parametrize(
    ("uri", "name", "more"),
    [
        ("runs:/x/y", "a/b", {}),
        ("/tmp/model", "m", {}),
        ("runs:/", "m", {}),
        ("runs:/x/y", "m", {"tags": {"a?": "1"}}),
        ("runs:/x/y", "m", {"tags": {"a": "x" * 100_001}}),
    ],
)
def test_what_is_wrong_is_refused_at_once(tmp_path: Path, uri: str, name: str, more: dict[str, Any]) -> None:
    client = Client(tmp_path / "store")
    with pytest.raises(InvalidInput):
        client.register_model(uri, name, **more)
    for alias in ("latest", "v1", "a b"):
        with pytest.raises(InvalidInput):
            client.set_model_alias("m", alias, 1)
    client.close()


def test_a_lock_file_of_a_server_that_is_gone(tmp_path: Path) -> None:
    client = Client(tmp_path / "store")
    lock = tmp_path / "store" / "server.lock"
    lock.write_text('{"kind": "server", "url": "http://127.0.0.1:9", "pid": 1, "started_at": 1}')
    assert client.register_model("s3://bucket/x", "line").version is None
    client.close()
