"""Commands that change a store, each as its own process."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.fixture(params=["no server", "server"])
def store(request: Any, tmp_path: Path, start_server: Callable[[Path], Any]) -> Path:
    """A directory without runs, with a server on it or without."""
    directory = tmp_path / "store"
    if request.param == "server":
        start_server(directory)
    return directory


def test_the_life_of_an_experiment(store: Path, trackstream_process: Callable[..., Any]) -> None:
    def ask(*arguments: str) -> Any:
        return trackstream_process(*arguments, store=store)

    made = ask("experiments", "create", "one", "--tag", "team=a=b")
    assert (made.code, made.err) == (0, "")
    experiment_id = made.out.strip()
    listed = ask("experiments", "list", "-o", "json").json
    assert [(item["experiment_id"], item["tags"]) for item in listed if item["name"] == "one"] == [
        (experiment_id, {"team": "a=b"})
    ]
    again = ask("experiments", "create", "one")
    assert again.code == 4
    assert "one" in again.err
    assert ask("experiments", "create", "").code == 2
    assert ask("experiments", "rename", "one", "uno").code == 0
    assert ask("experiments", "delete", "uno").code == 0
    assert "uno" not in ask("experiments", "list").out
    assert "uno" in ask("experiments", "list", "--view", "deleted").out
    assert ask("experiments", "restore", experiment_id).code == 0
    assert ask("experiments", "list").out.count("uno") == 1
    assert ask("experiments", "delete", "nothing").code == 3


def test_runs_are_deleted_restored_and_purged(
    own_store: Any, trackstream_process: Callable[..., Any]
) -> None:
    def ask(*arguments: str) -> Any:
        return trackstream_process(*arguments, store=own_store.directory)

    good = own_store.runs["good"]
    assert ask("runs", "delete", good, own_store.runs["fast"][-12:]).code == 0
    assert ask("runs", "best", "-e", "vision", "--metric", "val_loss").code == 3
    assert (
        ask("runs", "restore", own_store.runs["fast"][-12:]).err == f"restored run {own_store.runs['fast']}\n"
    )
    assert ask("gc", "--older-than", "1").out.startswith("nothing to purge")
    plan = ask("gc", "--older-than", "0", "--dry-run", "-o", "json").json
    assert plan["runs"] == [good]
    unasked = ask("gc", "--older-than", "0")
    assert unasked.code == 2
    assert "gc deletes for good: add --yes, or --dry-run to see what it would delete" in unasked.err
    assert ask("gc", "--older-than", "0", "--yes").out.startswith("purged 1 run, 0 experiments,")
    assert ask("runs", "restore", good).code == 3
    assert ask("runs", "describe", own_store.runs["fast"]).code == 0


def test_files_and_directories_are_logged(
    own_store: Any, trackstream_process: Callable[..., Any], tmp_path: Path
) -> None:
    def ask(*arguments: str) -> Any:
        return trackstream_process(*arguments, store=own_store.directory)

    run_id = own_store.runs["lonely"]
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    content = os.urandom(3 << 20)
    (tree / "deep" / "weights.bin").write_bytes(content)
    (tree / "a b.txt").write_text("ü")
    assert ask("artifacts", "log", run_id, str(tree), "--artifact-path", "model").err.startswith(
        "logged 2 files"
    )
    assert ask("artifacts", "log", run_id, str(tree / "a b.txt")).code == 0
    listed = ask("artifacts", "list", run_id, "-r", "-o", "json").json
    assert [item["path"] for item in listed] == ["a b.txt", "model/a b.txt", "model/deep/weights.bin"]
    assert ask("artifacts", "download", run_id, "--to", str(tmp_path / "back")).code == 0
    assert (tmp_path / "back" / "model" / "deep" / "weights.bin").read_bytes() == content
    assert ask("artifacts", "log", run_id, str(tmp_path / "missing")).code == 2
    assert ask("artifacts", "log", run_id, str(tree / "a b.txt"), "--artifact-path", "../up").code == 2
    assert ask("artifacts", "log", "nosuchrun", str(tree / "a b.txt")).code == 3


def test_replay_gives_the_same_rows(own_store: Any, trackstream_process: Callable[..., Any]) -> None:
    def ask(*arguments: str) -> Any:
        return trackstream_process(*arguments, store=own_store.directory)

    query = "SELECT * FROM v_metrics ORDER BY ALL"
    before = ask("sql", query, "-o", "json").json["rows"], ask("runs", "list", "-o", "json").json
    replayed = ask("replay", "-o", "json")
    assert (replayed.code, replayed.err) == (0, "")
    assert replayed.json["state"] == "done"
    assert replayed.json["records_done"] > 0
    assert (ask("sql", query, "-o", "json").json["rows"], ask("runs", "list", "-o", "json").json) == before
    assert len(before[0]) == 13


def test_doctor_finds_a_damaged_log(own_store: Any, trackstream_process: Callable[..., Any]) -> None:
    log = own_store.directory / "log.db"
    sqlite3.connect(log).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    with log.open("r+b") as file:
        file.write(b"\x00" * 64)
    result = trackstream_process("doctor", "-o", "json", store=own_store.directory)
    assert result.code == 1
    assert {row["check"]: row["result"] for row in result.json}["log"] == "fail"
    assert "Traceback" not in result.err


def test_commands_wait_for_each_other(own_store: Any, trackstream_process: Callable[..., Any]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        results = list(
            pool.map(lambda _: trackstream_process("runs", "list", store=own_store.directory), range(3))
        )
    assert [result.code for result in results] == [0, 0, 0]
    assert len({result.out for result in results}) == 1
