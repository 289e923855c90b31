"""`trackstream watch`: its pure parts, and the command on real stores."""

from __future__ import annotations

import math
import os
import pty
import re
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.query_api.cli.conftest import TRACKSTREAM, command_line
from tests.query_api.cli.test_event_commands import log
from trackstream_api.cli.sparkline import sparkline
from trackstream_api.cli.watch_reading import Metric, Reading, chosen_of, rates
from trackstream_schemas import events as e
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.query_api.cli.conftest import Result, Seeded, Server

_PATIENCE = 120.0
VALUES = st.lists(st.none() | st.floats(), max_size=50)


@given(VALUES)
def test_a_curve_has_a_character_for_each_value_and_keeps_their_order(values: list[float | None]) -> None:
    drawn = sparkline(values)
    assert len(drawn) == len(values)
    shown = [
        (value, character)
        for value, character in zip(values, drawn, strict=True)
        if value is not None and not math.isnan(value)
    ]
    assert {character for value, character in zip(values, drawn, strict=True) if value is None} <= {"·"}
    for (one, low), (other, high) in zip(sorted(shown), sorted(shown)[1:], strict=False):
        assert one <= other
        assert low <= high


def test_a_curve_goes_from_the_lowest_to_the_fullest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█"
    assert sparkline([3.0, 3.0]) == "▅▅"


def reading(at: float, **points: int) -> Reading:
    metrics = tuple(Metric(key, count, 0.0, 0, None, None, 2000, ()) for key, count in points.items())
    return Reading(at, {"status": "RUNNING"}, "", metrics, 0)


def test_rates_are_of_the_time_between_two_readings_or_of_all_the_time() -> None:
    assert rates(reading(10.0, a=30, new=5), reading(5.0, a=20)) == {"a": 2.0, "new": 1.0}
    assert rates(reading(10.0, a=30), None) == {"a": 14.5}
    # A rewind takes points back.
    assert rates(reading(10.0, a=3), reading(5.0, a=20)) == {"a": 0.0}


def test_metrics_are_chosen_by_pattern_the_machines_own_last() -> None:
    summaries: list[dict[str, Any]] = [{"key": key} for key in ("system/cpu", "val_loss", "loss", "acc")]
    assert [item["key"] for item in chosen_of(summaries, [])] == ["acc", "loss", "val_loss", "system/cpu"]
    assert [item["key"] for item in chosen_of(summaries, ["*loss"])] == ["loss", "val_loss"]


def test_once_shows_the_run_by_id_part_and_name(ask: Callable[..., Result], seeded: Seeded) -> None:
    run_id = seeded.runs["good"]
    for given_as in (run_id, run_id[-8:], "good"):
        found = ask("watch", given_as, "--once", "--keys", "val_*")
        assert found.code == 0, found.err
        assert run_id in found.out
        assert "FINISHED" in found.out
        assert "complete" in found.out
        assert re.search(r"val_loss +0\.1 +2 +0\.1 +0\.8 +3 .*█", found.out), found.out
        assert "speed" not in found.out
    missing = ask("watch", "nobody", "--once")
    assert (missing.code, "nobody" in missing.err) == (3, True), missing


def start(run: str, directory: Path, **options: Any) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSTREAM")}
    return subprocess.Popen(
        [TRACKSTREAM, "watch", run, "--dir", str(directory)],
        text=True,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def points(run_id: str, steps: range) -> e.MetricsLogged:
    count = len(steps)
    return e.MetricsLogged(
        run_id,
        "",
        ("loss",),
        np.zeros(count, np.int32),
        np.array(steps, np.int64),
        1_700_000_000_000 + np.array(steps, np.int64),
        1.0 / (1 + np.array(steps, np.float64)),
    )


def test_lines_follow_a_run_to_its_end_on_a_store_that_nobody_serves(own_store: Seeded) -> None:
    run_id = new_id()
    log(own_store.directory, e.RunStarted(run_id, "0", "live", 1_700_000_000_000), points(run_id, range(10)))
    process = start("live", own_store.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    clock = threading.Timer(_PATIENCE, process.kill)
    clock.start()
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "RUNNING  10 points  loss=0.1 @9" in first
        # Others are answered meanwhile.
        assert command_line("runs", "list", store=own_store.directory).code == 0
        log(own_store.directory, points(run_id, range(10, 100)))
        second = process.stdout.readline()
        assert "RUNNING  100 points  loss=0.01 @99" in second
        log(own_store.directory, e.RunUpdated(run_id, "FINISHED", 1_700_000_100_000))
        rest, errors = process.communicate()
        assert "FINISHED  100 points" in rest, errors
        assert process.returncode == 0
    finally:
        clock.cancel()
        process.kill()
        process.communicate()


def test_a_terminal_shows_a_table_and_interrupt_leaves_it(
    own_store: Seeded, start_server: Callable[[Path], Server]
) -> None:
    start_server(own_store.directory)
    run_id = new_id()
    log(own_store.directory, e.RunStarted(run_id, "0", "live", 1_700_000_000_000), points(run_id, range(50)))
    ours, theirs = pty.openpty()
    process = start(run_id[:20], own_store.directory, stdout=theirs, stderr=theirs)
    os.close(theirs)
    clock = threading.Timer(_PATIENCE, process.kill)
    clock.start()
    shown = b""
    try:
        while "█".encode() not in shown:
            shown += os.read(ours, 65536)
        log(own_store.directory, points(run_id, range(50, 200)))
        while b"199" not in shown:
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                # Linux tells the end of a terminal so.
                break
            if not piece:
                break
            shown += piece
        assert process.wait() == 0
    finally:
        clock.cancel()
        process.kill()
        process.wait()
        os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode(errors="replace"))
    assert run_id in text
    assert "POINTS/S" in text
    assert "Traceback" not in text
    # The cursor is given back.
    assert b"\x1b[?25h" in shown[-200:]


@pytest.mark.parametrize("where", ["kafka://127.0.0.1:1", "nowhere"])
def test_a_place_that_cannot_be_watched_is_named(where: str, tmp_path: Path) -> None:
    found = command_line("watch", "x", store=where if "://" in where else tmp_path / where)
    assert found.code in (2, 3)
    assert where in found.err
