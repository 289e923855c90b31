"""`trackstream models`, each command as its own process on a server's store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.fixture
def ask(
    own_store: Any, start_server: Callable[[Path], Any], trackstream_process: Callable[..., Any]
) -> Callable[..., Any]:
    """Run a command on a seeded store that a server holds."""
    start_server(own_store.directory)
    return lambda *arguments: trackstream_process(*arguments, store=own_store.directory)


def test_the_life_of_a_model(ask: Callable[..., Any], own_store: Any, tmp_path: Path) -> None:
    good, fast = own_store.runs["good"], own_store.runs["fast"]
    assert ask("models", "list").out == ""
    made = ask("models", "register", f"runs:/{good}/notes", "vision", "--tag", "a=b", "--alias", "champion")
    assert (made.code, made.out) == (0, "1\n")
    assert ask("models", "register", f"runs:/{fast}/notes", "vision", "--description", "d").out == "2\n"
    assert ask("models", "register", "models:/vision@champion", "copied", "-o", "json").json["run_id"] == good

    (model,) = [item for item in ask("models", "list", "-o", "json").json if item["name"] == "vision"]
    assert (model["last_version"], model["aliases"]) == (2, {"champion": 1})
    listed = ask("models", "list", "--order-by", "name ASC").out.splitlines()
    assert [line.split()[0] for line in listed] == ["NAME", "copied", "vision"]

    versions = ask("models", "versions", "vision", "-o", "json").json
    assert [(item["version"], item["run_id"], item["tags"]) for item in versions] == [
        (2, fast, {}),
        (1, good, {"a": "b"}),
    ]
    assert [
        item["version"]
        for item in ask("models", "versions", "vision", "--filter", "tags.a = 'b'", "-o", "json").json
    ] == [1]
    assert len(ask("models", "versions").out.splitlines()) == 4

    assert ask("models", "transition", "vision", "1", "production").code == 0
    assert ask("models", "transition", "vision", "2", "Production", "--archive-existing").code == 0
    described = ask("models", "describe", "vision").out
    assert "champion=1" in described
    assert "Archived" in described

    assert ask("models", "alias", "vision", "champion").out == "1\n"
    assert ask("models", "alias", "vision", "champion", "2").code == 0
    assert ask("models", "alias", "vision", "champion").out == "2\n"

    inside = tmp_path / "inside"
    fetched = ask("artifacts", "download", "models:/vision@champion", str(inside))
    assert (fetched.code, fetched.out) == (0, f"{inside / 'about.txt'}\n")
    assert (inside / "about.txt").read_text() == "notes on fast"
    assert ask("artifacts", "download", "models:/vision/1", "--to", str(tmp_path / "one")).code == 0
    assert (tmp_path / "one" / "about.txt").read_text() == "notes on good"
    assert ask("artifacts", "download", f"runs:/{good}/notes/about.txt", str(tmp_path / "file")).code == 0
    assert (tmp_path / "file" / "about.txt").read_text() == "notes on good"
    assert ask("artifacts", "download", "models:/vision/Archived", str(tmp_path / "stage")).code == 0

    assert ask("models", "alias", "vision", "champion", "--delete").code == 0
    assert ask("models", "alias", "vision", "champion").code == 3
    assert ask("models", "delete", "vision", "1").code == 2
    assert ask("models", "delete", "vision", "1", "--yes").code == 0
    assert [item["version"] for item in ask("models", "versions", "vision", "-o", "json").json] == [2]
    assert ask("models", "delete", "vision", "--yes").code == 0
    assert ask("models", "describe", "vision").code == 3


def test_refusals(ask: Callable[..., Any]) -> None:
    assert ask("models", "versions", "nothing").code == 3
    assert ask("models", "register", "/etc/passwd", "m").code == 2
    assert ask("models", "register", "s3://bucket/x", "a/b").code == 2
    assert ask("models", "transition", "m", "1", "nowhere").code == 2
    assert ask("models", "list", "--filter", "nothing = 'x'").code == 2
    assert ask("artifacts", "download", "models:/m/1", "a", "--to", "b").code == 2
