"""The journal gives back what was written, in order, whatever moment it is cut off at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackstream.spool import journal
from trackstream.spool.journal import COLUMNS, POINT, PointJournal, journal_files, read_segment
from trackstream_schemas.errors import StorageFailed
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_POINTS", 64)
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 64 * POINT.size)


def point(step: int) -> bytes:
    return POINT.pack(1, step, 0, 0.5, 1)


def write(opened: PointJournal, step: int) -> None:
    try:
        if opened.write is None:
            raise ValueError
        opened.write(point(step))
    except ValueError:
        opened.extend()
        assert opened.write is not None
        opened.write(point(step))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.sampled_from(["write", "take"]), st.integers(1, 90)), max_size=20))
def test_what_is_written_is_taken_in_order_and_the_rest_is_on_the_disk(
    tmp_path: Path, acts: list[tuple[str, int]]
) -> None:
    spool = tmp_path / f"{new_id()}.db"
    opened = PointJournal(spool)
    written = taken = 0
    place = journal.Place(0, 0)
    for act, count in acts:
        if act == "write":
            for step in range(written, written + count):
                write(opened, step)
            written += count
        elif len(opened):
            points, place = opened.take(count)
            assert points["step"].tolist() == list(range(taken, taken + len(points)))
            taken += len(points)
            opened.drop(place)
        assert len(opened) == written - taken
    left: list[int] = []
    for file in journal_files(spool):
        number = int(file.name.split(".")[-2])
        first = place.record if number == place.segment else 0
        left += read_segment(file, first)["step"].tolist()
    assert left == list(range(taken, written))
    opened.remove()
    assert journal_files(spool) == []


@pytest.mark.parametrize("kept", range(1, POINT.size))
def test_a_point_that_was_cut_in_two_is_not_read(tmp_path: Path, kept: int) -> None:
    file = tmp_path / "x.000000.points"
    torn = point(7)[:kept].ljust(POINT.size, b"\x00") if kept < POINT.size - 3 else None
    if torn is None:
        torn = point(7)[:kept].ljust(POINT.size, b"\xff")
    file.write_bytes(point(5) + point(6) + torn + bytes(POINT.size * 4))
    assert read_segment(file, 0)["step"].tolist() == [5, 6]


def test_what_follows_a_cut_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "x.000000.points"
    file.write_bytes(point(5) + bytes(POINT.size) + point(6))
    assert read_segment(file, 0)["step"].tolist() == [5]
    assert read_segment(file, 1).dtype == COLUMNS


def test_a_segment_that_finds_no_room_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int, _offset: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    opened = PointJournal(tmp_path / "x.db")
    with pytest.raises(StorageFailed, match="No space left"):
        opened.extend()
    assert list(tmp_path.iterdir()) == []
    assert len(opened) == 0


def test_values_keep_their_bits(tmp_path: Path) -> None:
    opened = PointJournal(tmp_path / "x.db")
    opened.extend()
    values = [float("nan"), -0.0, float("inf"), 5e-324]
    for value in values:
        assert opened.write is not None
        opened.write(POINT.pack(3, -(2**63), 2**62, value, 3))
    points, _ = opened.take(10)
    assert points["value"].tobytes() == np.array(values).tobytes()
    assert set(points["step"].tolist()) == {-(2**63)}
    opened.remove()
