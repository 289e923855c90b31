"""What a commit says of a project's files, and where it says nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.environments.tools import Tools
from trackstream.projects.sources.source import Fetched, fetch, parse_uri
from trackstream.projects.sources.tree_state import holds

if TYPE_CHECKING:
    from pathlib import Path


def git(*command: str, cwd: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, *command], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A commit with `mine/main.py`, `mine/data/x.csv` and `lib.py`; *.tmp and `ignored` are ignored."""
    top = tmp_path / "tree"
    (top / "mine" / "data").mkdir(parents=True)
    (top / "ignored").mkdir()
    for name in ("mine/main.py", "mine/data/x.csv", "lib.py", "ignored/main.py"):
        (top / name).write_text("1\n")
    (top / ".gitignore").write_text("*.tmp\nignored\n")
    git("init", "--quiet", cwd=top)
    git("add", ".", cwd=top)
    git("commit", "--quiet", "-m", "all", cwd=top)
    return top


def found_at(uri: object, tmp_path: Path) -> Fetched:
    return fetch(parse_uri(str(uri)), None, tmp_path / "place", tmp_path / "cache", Tools())


def test_the_whole_tree_counts(tree: Path, tmp_path: Path) -> None:
    assert found_at(tree / "mine", tmp_path).dirty is False
    (tree / "lib.py").write_text("2\n")
    found = found_at(tree / "mine", tmp_path)
    assert (found.dirty, found.changed) == (True, "lib.py")


def test_what_git_does_not_know_is_named(tree: Path, tmp_path: Path) -> None:
    (tree / "mine" / "new" / "deep").mkdir(parents=True)
    assert found_at(tree / "mine", tmp_path).dirty is False
    (tree / "mine" / "new" / "deep" / "ä b.py").touch()
    assert found_at(tree / "mine", tmp_path).changed == "mine/new/deep/ä b.py"


@pytest.mark.parametrize("name", ["trackstream-data", "runs/of mine"])
def test_a_store_is_no_change(tree: Path, tmp_path: Path, name: str) -> None:
    store = tree / "mine" / name
    store.mkdir(parents=True)
    (store / "log.db").touch()
    (store / "log.db-wal").touch()
    (store / "launches.lock").touch()
    assert found_at(tree / "mine", tmp_path).dirty is False
    (store / "engine").mkdir()
    (store / "engine" / "x.bin").touch()
    assert found_at(tree / "mine", tmp_path).dirty is False
    (store.parent / "beside.py").touch()
    assert str(found_at(tree / "mine", tmp_path).changed).endswith("beside.py")


def test_code_beside_a_log_of_that_name_is_a_change(tree: Path, tmp_path: Path) -> None:
    (tree / "mine" / "own").mkdir()
    (tree / "mine" / "own" / "log.db").touch()
    (tree / "mine" / "own" / "more.py").touch()
    assert found_at(tree / "mine", tmp_path).dirty is True


def test_an_ignored_project_has_no_commit(tree: Path, tmp_path: Path) -> None:
    found = found_at(tree / "ignored", tmp_path)
    assert (found.commit, found.dirty) == (None, None)


def test_what_a_commit_holds(tree: Path) -> None:
    tools = Tools()
    assert holds(tree, tree / "mine" / "data", tools)
    assert holds(tree, tree / "mine" / "data" / "x.csv", tools)
    assert not holds(tree, tree.parent, tools)
    assert not holds(tree, tree / "ignored" / "main.py", tools)
    (tree / "mine" / "link").symlink_to(tree / "ignored")
    assert not holds(tree, tree / "mine" / "link", tools)
    (tree / "mine" / "data" / "y.tmp").touch()
    assert not holds(tree, tree / "mine" / "data", tools)
    assert holds(tree, tree / "mine" / "data" / "x.csv", tools)
    (tree / "mine" / "data" / "x.csv").write_text("2\n")
    assert not holds(tree, tree / "mine" / "data" / "x.csv", tools)


def test_a_project_outside_of_the_tree_one_stands_in(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(tree / "mine")
    for uri in ("../../other", f"{tree}/mine/../../other", f"{tree}/../other#."):
        found = found_at(uri, tmp_path)
        assert (found.directory.resolve(), found.commit) == (other, None)
    (tree / "linked").symlink_to(other)
    assert found_at(tree / "linked", tmp_path).commit is None
    (other / "into").symlink_to(tree / "mine")
    assert found_at(other / "into", tmp_path).root == tree
