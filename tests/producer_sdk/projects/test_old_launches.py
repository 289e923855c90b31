"""Which directories of launches are kept."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

import pytest

from trackstream.projects.launch_folder import LaunchFolder, folder_of, launches_directory
from trackstream.projects.old_launches import GRACE_S, Ended, forget_old, forgettable

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600


def test_old_ones_and_those_beyond_the_newest_go() -> None:
    ended = [Ended(day * DAY, f"l{day}") for day in (1, 5, 3, 4, 2)]
    now = 5 * DAY + 2 * GRACE_S
    assert forgettable(ended, now, 100, 3) == ["l2", "l1"]
    assert forgettable(ended, now, 2.5, 100) == ["l2", "l1"]
    assert forgettable(ended, now, 100, 0) == ["l5", "l4", "l3", "l2", "l1"]
    assert forgettable(ended, now, 100, 5) == []
    # Somebody may wait for one that has just ended.
    assert forgettable(ended, 5 * DAY, 0, 0) == ["l4", "l3", "l2", "l1"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def made(name: str, days: float | None) -> LaunchFolder:
    """Make a launch's directory that was recorded so many days ago, or is not yet recorded."""
    folder = folder_of(name)
    os.close(folder.create({"request": {}}))
    if days is not None:
        folder.note_recorded()
        at = time.time() - days * DAY
        os.utime(folder.path / "recorded", (at, at))
    return folder


def test_only_what_is_over_and_recorded_goes(state: Path) -> None:
    made("old", 31)
    made("new", 1)
    made("unrecorded", None)
    held = made("held", 40)
    lock = held.take()
    assert lock is not None
    assert forget_old(30, 100) == ["old"]
    os.close(lock)
    names = {path.name for path in launches_directory().iterdir() if not path.name.startswith(".")}
    assert names == {"new", "unrecorded", "held"}
    assert forget_old(30, 0) == ["new", "held"]


def test_one_process_at_a_time(state: Path) -> None:
    made("old", 31)
    with (launches_directory() / ".forget.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert forget_old(30, 100) == []
    # What a killed process has left half removed goes too.
    rest = launches_directory() / ".gone-x"
    rest.mkdir()
    assert forget_old(30, 100) == ["old"]
    assert not rest.exists()


def test_where_nothing_was_ever_launched_there_is_nothing_to_do(state: Path) -> None:
    assert forget_old(30, 100) == []
