"""Who may work in a directory, seen from other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trackstream_api.directory_lock import DirectoryHeld, DirectoryLock, holder_of
from trackstream_schemas.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLD = """
import sys, pathlib
from trackstream_api.directory_lock import DirectoryLock
lock = DirectoryLock(pathlib.Path(sys.argv[1]), "server")
lock.publish("http://127.0.0.1:4711")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_holder_is_told_who_the_first_is(
    tmp_path: Path, other_process: subprocess.Popen[str]
) -> None:
    with pytest.raises(DirectoryHeld) as refused:
        DirectoryLock(tmp_path, "cli")
    assert refused.value.holder is not None
    assert refused.value.holder.pid == other_process.pid
    assert refused.value.holder.kind == "server"
    assert refused.value.holder.url == "http://127.0.0.1:4711"
    for told in (str(other_process.pid), "server", "http://127.0.0.1:4711", str(tmp_path)):
        assert told in str(refused.value)
    assert holder_of(tmp_path) == refused.value.holder


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, other_process: subprocess.Popen[str]) -> None:
    os.kill(other_process.pid, signal.SIGKILL)
    other_process.wait()
    assert holder_of(tmp_path) is None
    lock = DirectoryLock(tmp_path, "cli")
    holder = holder_of(tmp_path)
    assert holder is not None
    assert (holder.pid, holder.kind, holder.url) == (os.getpid(), "cli", None)
    lock.release()
    assert holder_of(tmp_path) is None


def test_release_is_repeatable_and_lets_the_next_in(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "made", "server")
    lock.release()
    lock.release()
    DirectoryLock(tmp_path / "made", "server").release()


def test_nobody_holds_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "missing") is None


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="cannot write to the directory"):
        DirectoryLock(tmp_path / "file" / "store", "server")
