"""`--as-of`: commands about what a store was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.query_api.cli.conftest import Result, Seeded, Server, command_line, seed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Changed(NamedTuple):
    """A store in which much has changed since a position, and the server on it."""

    store: Seeded
    position: str
    server: Server

    def run(self, *arguments: str) -> Result:
        return command_line(*arguments, store=self.store.directory)

    def names(self, *arguments: str) -> list[str]:
        return [item["name"] for item in self.run(*arguments, "-o", "json").json]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    store = seed(tmp_path_factory.mktemp("as-of") / "store")
    server = Server(store.directory)
    found = Changed(store, "", server)
    good = store.runs["good"]
    assert found.run("models", "register", f"runs:/{good}/model", "guard").code == 0
    position = found.run("history", "model", "guard", "-o", "json").json[-1]["position"]
    for command in (
        ("runs", "delete", good),
        ("experiments", "rename", "vision", "sight"),
        ("models", "register", f"runs:/{good}/model", "guard"),
    ):
        assert found.run(*command).code == 0
    yield found._replace(position=position)
    if server.process.poll() is None:
        server.stop()


def test_every_command_that_takes_it(changed: Changed) -> None:
    run, names, ids = changed.run, changed.names, changed.store.runs
    at = ("--as-of", changed.position)
    search = ("runs", "search", "metrics.val_loss < 0.2 and params.layers = '2'")
    assert names(*search, "-e", "vision", *at) == ["good"]
    assert names(*search) == []
    assert names("runs", "list", "-e", "vision", *at) == ["diverged", "good", "fast"]
    best = ("runs", "best", "-m", "val_loss")
    assert names(*best, "-e", "vision", *at) == ["good"]
    assert names(*best, "-e", "sight") == ["fast"]
    assert sorted(names("experiments", "list", *at)) == ["Default", "audio", "vision"]
    assert sorted(names("experiments", "list")) == ["Default", "audio", "sight"]
    assert names("experiments", "search", "name LIKE 'v%'", *at) == ["vision"]
    assert len(run("models", "versions", "guard", *at, "-o", "json").json) == 1
    assert len(run("models", "versions", "guard", "-o", "json").json) == 2
    assert run("models", "describe", "guard", *at, "-o", "json").json["last_version"] == 1
    assert names("models", "list", *at) == ["guard"]
    compared = run("runs", "compare", ids["good"][-8:], ids["fast"], *at, "-o", "json").json
    assert [item["lifecycle_stage"] for item in compared["runs"]] == ["active", "active"]
    described = run("runs", "describe", ids["good"], *at, "-o", "json").json
    assert (described["run"]["lifecycle_stage"], described["completeness"]) == ("active", None)
    assert [item["path"] for item in described["artifacts"]] == ["config.json", "notes/about.txt"]
    printed = run("runs", "describe", ids["good"], *at)
    assert printed.code == 0
    assert "vision" in printed.out
    assert "Writers" not in printed.out


def test_a_moment_that_cannot_be(changed: Changed) -> None:
    refused = changed.run("runs", "list", "--as-of", "yesterday")
    assert refused.code == 2
    assert "as_of" in refused.err
    of_completeness = ("runs", "search", "tags.trackstream.completeness = 'complete'")
    assert changed.run(*of_completeness, "--as-of", changed.position).code == 2


def test_without_a_server(changed: Changed) -> None:
    """Behind the other tests, which are quicker with one."""
    changed.server.stop()
    assert changed.names("experiments", "list", "--as-of", changed.position) == ["Default", "audio", "vision"]
