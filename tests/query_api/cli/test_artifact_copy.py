"""A download of a whole run goes on past the files that cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trackstream.client import Client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clashing(tmp_path: Path) -> tuple[Path, str]:
    """A store, and a run of it in which `a` is both a file and a directory."""
    store = tmp_path / "store"
    client = Client(str(store))
    run = client.create_run("0")
    for path in ("a", "a/b", "c", "z/d"):
        run.log_text(f"content of {path}", path)
    client.close()
    return store, run.run_id


def test_files_that_clash_are_named_and_the_others_are_there(
    clashing: tuple[Path, str], tmp_path: Path, trackstream_process: Any
) -> None:
    store, run_id = clashing
    target = tmp_path / "out"
    result = trackstream_process("artifacts", "download", run_id, "--to", str(target), store=store)
    assert result.code not in (0, 1)
    written = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert written > {"c", "z/d"}
    assert written < {"a", "a/b", "c", "z/d"}
    for name in written:
        assert (target / name).read_text() == f"content of {name}"
    assert {str(target / name) for name in written} == set(result.out.splitlines())
    failed, summary = result.err.splitlines()
    (missing,) = {"a", "a/b"} - written
    assert failed.startswith(f"not downloaded: {missing}: ")
    assert summary == "Error: 1 of 4 files could not be downloaded"


def test_one_file_that_fails_says_why_itself(
    clashing: tuple[Path, str], tmp_path: Path, trackstream_process: Any
) -> None:
    store, run_id = clashing
    target = tmp_path / "out"
    (target / "c").mkdir(parents=True)
    result = trackstream_process("artifacts", "download", run_id, "c", "--to", str(target), store=store)
    assert result.code == 4
    assert result.err == f"Error: {target / 'c'} is a directory, where the file 'c' would go\n"
