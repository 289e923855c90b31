"""Webhooks from a real server to a real receiver, which fails, refuses and comes back; and kills between."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.processes import Server
from tests.integration.webhook_receiver import PATIENCE_S, SECRET, Receiver
from tests.query_api.cli.conftest import command_line
from tests.query_api.cli.test_event_commands import log
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id, registered_model_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

START = 1_700_000_000_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path, receiver: Receiver) -> Iterator[Server]:
    """A server with two webhooks: `all`, and `models` that is not allowed to come here."""
    directory = tmp_path / "store"
    directory.mkdir()
    (tmp_path / "secret").write_text(SECRET)
    (directory / "webhooks.toml").write_text(
        f"""
        [[webhook]]
        name = "all"
        url = "{receiver.url}/all"
        events = ["*"]
        secret_file = "{tmp_path}/secret"
        allow_private_addresses = true
        max_attempts = 100
        retry_first_s = 0.05
        retry_longest_s = 0.5

        [[webhook]]
        name = "models"
        url = "{receiver.url}/models"
        events = ["registered_model.*"]
        secret_file = "{tmp_path}/secret"
        """
    )
    made = Server(directory).start()
    yield made
    made.close()


def ended_run(number: int) -> list[e.Body]:
    run_id = new_id()
    return [
        e.RunStarted(run_id, "0", f"run {number}", START),
        e.RunUpdated(run_id, "FINISHED", START + 1000),
    ]


def test_what_happens_is_told_with_what_mlflow_would_tell(server: Server, receiver: Receiver) -> None:
    directory = server.directory
    run_id = new_id()
    model = registered_model_id_of("digits")
    log(
        directory,
        e.RunStarted(run_id, "0", "a run", START),
        e.ParamsLogged(run_id, {"lr": "0.1"}),
        e.RunUpdated(run_id, "FAILED", START + 1000),
        e.RegisteredModelCreated(model, "digits", new_id(), "Reads digits", {"team": "a"}),
        # The second one lost the race and changed nothing.
        e.RegisteredModelCreated(model, "digits", new_id()),
        e.ModelVersionCreated(model, new_id(), "runs:/x/model", run_id=run_id),
        e.ModelVersionCreated(model, new_id(), "runs:/y/model"),
        e.ModelAliasSet(model, "champion", 2),
        e.ModelAliasSet(model, "challenger", 9),
        e.ModelVersionTagsSet(model, 1, {"a": "1", "b": "2"}),
    )
    receiver.wait_for(lambda: len(receiver.taken) >= 8)
    told = {(item["type"], item["webhook-id"]): item for item in receiver.taken}
    by_type: dict[str, list[dict[str, Any]]] = {}
    for (name, _), item in told.items():
        by_type.setdefault(name, []).append(item["data"])
    assert sorted(name for name, _ in told) == [
        "model_version.created",
        "model_version.created",
        "model_version_alias.created",
        "model_version_tag.set",
        "model_version_tag.set",
        "registered_model.created",
        "run.created",
        "run.failed",
    ]
    (failed,) = by_type["run.failed"]
    assert (failed["run_id"], failed["run_name"], failed["status"]) == (run_id, "a run", "FAILED")
    assert (failed["experiment_name"], failed["params"]) == ("Default", {"lr": "0.1"})
    (created,) = by_type["registered_model.created"]
    assert created == {"name": "digits", "tags": {"team": "a"}, "description": "Reads digits"}
    versions = sorted(by_type["model_version.created"], key=lambda data: data["version"])
    assert [(data["name"], data["version"]) for data in versions] == [("digits", "1"), ("digits", "2")]
    assert versions[0]["run_id"] == run_id
    assert by_type["model_version_alias.created"] == [{"name": "digits", "alias": "champion", "version": "2"}]
    tags = sorted(by_type["model_version_tag.set"], key=lambda data: data["key"])
    assert [(data["version"], data["key"], data["value"]) for data in tags] == [
        ("1", "a", "1"),
        ("1", "b", "2"),
    ]
    for item in told.values():
        assert f"{item['entity']}.{item['action']}" == item["type"]
        assert item["timestamp"].startswith("20")


def test_a_private_address_is_refused_and_its_letters_are_told_and_tried_again(
    server: Server, receiver: Receiver
) -> None:
    directory = server.directory
    log(directory, e.RegisteredModelCreated(registered_model_id_of("m"), "m", new_id()))
    receiver.wait_for(lambda: receiver.events() == ["registered_model.created"])
    until = time.monotonic() + PATIENCE_S
    letters: list[dict[str, Any]] = []
    while not letters and time.monotonic() < until:
        found = command_line("webhooks", "dead-letters", "--output", "json", store=directory)
        letters = found.json
    assert [(letter["webhook"], letter["attempts"]) for letter in letters] == [("models", 1)]
    assert "no public address" in letters[0]["error"]
    assert json.loads(letters[0]["body"])["data"]["name"] == "m"
    listed = command_line("webhooks", "list", "--output", "json", store=directory).json
    assert [(item["name"], item["waiting"], item["dead_letters"]) for item in listed] == [
        ("all", 0, 0),
        ("models", 0, 1),
    ]
    refused = command_line("webhooks", "test", "models", store=directory)
    assert (refused.code, "no public address" in refused.err) == (1, True), refused
    assert command_line("webhooks", "test", "all", store=directory).code == 0
    assert receiver.taken[-1]["data"] == {"test": True}
    server.stop()
    config = directory / "webhooks.toml"
    config.write_text(config.read_text() + "allow_private_addresses = true\n")
    number = str(letters[0]["number"])
    assert command_line("webhooks", "retry", number, store=directory).code == 0
    assert command_line("webhooks", "retry", number, store=directory).code == 3
    server.start()
    receiver.wait_for(lambda: receiver.events("/models") == ["registered_model.created"])
    assert receiver.taken[-1]["webhook-id"] == letters[0]["delivery_id"]


def test_kills_between_deliveries_lose_nothing(server: Server, receiver: Receiver) -> None:
    directory = server.directory
    bodies: list[e.Body] = []

    def told() -> set[tuple[str, str]]:
        return {(item["type"], item["data"]["run_id"]) for item in receiver.taken}

    def expected() -> set[tuple[str, str]]:
        return {
            ("run.created" if isinstance(body, e.RunStarted) else "run.finished", body.run_id)
            for body in bodies
            if isinstance(body, e.RunStarted | e.RunUpdated)
        }

    for number in range(2):
        receiver.status = 503
        refused_before = receiver.refused
        bodies += (happened := ended_run(number))
        log(directory, *happened)
        # What is killed has taken the first of them out of the log, and has not got rid of it.
        receiver.wait_for(lambda before=refused_before: receiver.refused > before)  # type: ignore[misc]
        server.kill()
        # Nobody listens to these when they come.
        bodies += (happened := ended_run(100 + number))
        log(directory, *happened)
        receiver.status = 204
        server.launch()
        server.wait_until_up()
        receiver.wait_for(lambda: told() >= expected())

    assert told() == expected()
    # What came twice came under the same id.
    assert len({item["webhook-id"] for item in receiver.taken}) == len(bodies)
    counts = command_line("webhooks", "list", "--output", "json", store=directory).json
    assert [item["dead_letters"] for item in counts] == [0, 0]


def test_a_file_that_is_wrong_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "webhooks.toml").write_text('[[webhook]]\nname = "x"\n')
    found = command_line("server", "--port", "0", store=tmp_path)
    assert (found.code, "webhook 1: url" in found.err) == (2, True), found
