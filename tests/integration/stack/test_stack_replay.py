"""`trackstream replay` on the real stack, under load: the consumers follow, nothing is lost or doubled."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.consumers.tables import TABLES, rows_of
from tests.integration.faults.composition import Composition, Load, wait_until
from tests.integration.faults.verification import compare
from tests.integration.processes import TRACKSTREAM
from trackstream_api.distributed_store import PROJECTORS
from trackstream_consumers.engine import Engine
from trackstream_consumers.epoch import current_epoch
from trackstream_consumers.rebuild.replay import shadow_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trackstream_api.native.stack import Stack

pytestmark = pytest.mark.integration

_LATE_SWAP = """
import sys, time
from pathlib import Path
from trackstream_consumers.rebuild import replay_beside
swap = replay_beside.swap_tables
def late(live, shadow):
    Path(sys.argv[1]).touch()
    while not Path(sys.argv[2]).exists():
        time.sleep(0.01)
    swap(live, shadow)
replay_beside.swap_tables = late
from trackstream_api.rebuild.stack_replay import replay_stack
replay_stack(lambda _progress: None)
"""
"""A replay that waits before it swaps: the live consumers are far ahead of the new tables by then."""

_LATE_CHECK = _LATE_SWAP.replace("swap_tables", "check_counts").replace("(live, shadow)", "(*rest)")
"""A replay that waits when it has built the tables."""
_NEXT_REPLAY = """
from trackstream_consumers.rebuild import replay_beside
replay_beside._GONE_AFTER = 0
from trackstream_api.rebuild.stack_replay import replay_stack
print("resumed:", replay_stack(lambda _progress: None).resumed)
"""
"""The replay after one that was killed, without the wait until that is surely gone."""


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    made = Composition(stack, tmp_path_factory.mktemp("replay"), "replayed", replicas=1)
    yield made
    made.close()


@pytest.fixture
def live(running: Composition) -> Iterator[Engine]:
    made = Engine(running.stack.clickhouse, running.name)
    yield made
    made.close()


def wait_until_current(running: Composition) -> None:
    def behind() -> Any:
        url = f"{running.url(0)}/api/v1/status?consistency=eventual"
        return httpx.get(url, timeout=60).json()["records_behind"]

    wait_until(lambda: behind() == 0, lambda: f"{behind()} records behind")


def acknowledged(load: Load) -> int:
    portions = [portion for run in load.runs().values() for portion in run.portions]
    return sum(portion.count for portion in portions if portion.acknowledged)


def replay(running: Composition, *command: str) -> None:
    process = running.spawn("replay", command or (str(TRACKSTREAM), "replay", "-o", "json"))
    assert process.wait(240) == 0, process.output()


def as_if_never_swapped(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    """Return a table's rows; of the positions those of projectors.

    Where a next owner would gather uploads from depends on when their consumer looked last.
    """
    rows = rows_of(engine, table)
    names = {kind.name for kind in PROJECTORS}
    return rows if table != "positions" else [row for row in rows if row[0] in names]


def test_replays_under_load_leave_what_a_projection_without_them_has(
    running: Composition, live: Engine, tmp_path: Path
) -> None:
    load = Load(running, "load", 40)
    waiting, go = tmp_path / "waiting", tmp_path / "go"
    try:
        for _ in range(2):
            load.start()
        load.start(running.url(0))
        load.wait_until_flowing()
        epoch = current_epoch(live)
        replay(running)
        assert current_epoch(live) == epoch + 1
        # Once more, with a swap that comes late: what lies between is projected again by the consumers.
        late = running.spawn("replay", [sys.executable, "-c", _LATE_SWAP, str(waiting), str(go)])
        wait_until(waiting.exists, late.output)
        before = acknowledged(load)
        wait_until(lambda: acknowledged(load) > before + 5000, "more load")
        go.touch()
        assert late.wait(240) == 0, late.output()
        assert current_epoch(live) == epoch + 2
    finally:
        go.touch()
        load.stop()
    wait_until_current(running)
    runs = load.runs()
    with running.store() as store, running.blobs() as blobs:
        tally = compare(store, blobs, runs, frozenset(), frozenset())
    assert (tally.lost, tally.doubled, tally.wrong) == (0, 0, [])
    assert tally.points > 4000
    # Projected by itself, from the beginning, into a database of its own.
    anew = Engine(running.stack.clickhouse, "anew")
    try:
        once = running.spawn(
            "consume-anew",
            [str(TRACKSTREAM), "consume", "all"],
            TRACKSTREAM_CLICKHOUSE=f"{running.stack.clickhouse}/anew",
        )
        try:
            wanted = as_if_never_swapped(live, "positions")

            def reached() -> list[tuple[Any, ...]]:
                return as_if_never_swapped(anew, "positions")

            once.wait_for("consuming ", 1)
            wait_until(
                lambda: reached() == wanted, lambda: f"{set(reached()) ^ set(wanted)}\n{once.output()}"
            )
        finally:
            once.ask_to_stop()
            assert once.wait() == 0, once.output()
        for table in TABLES:
            assert as_if_never_swapped(live, table) == as_if_never_swapped(anew, table), table
    finally:
        anew.close()


def test_a_second_replay_is_refused_and_a_killed_one_leaves_all_as_it_was(
    running: Composition, live: Engine, tmp_path: Path
) -> None:
    waiting, go = tmp_path / "waiting", tmp_path / "go"
    epoch = current_epoch(live)
    first = running.spawn("replay", [sys.executable, "-c", _LATE_CHECK, str(waiting), str(go)])
    wait_until(waiting.exists, first.output)
    second = running.spawn("second", [str(TRACKSTREAM), "replay"])
    assert second.wait(120) == 4, second.output()
    assert shadow_database(live) in second.output()
    first.send(signal.SIGKILL)
    first.wait()
    assert current_epoch(live) == epoch
    wait_until_current(running)
    before = {table: as_if_never_swapped(live, table) for table in TABLES}
    third = running.spawn("third", [sys.executable, "-c", _NEXT_REPLAY])
    assert third.wait(240) == 0, third.output()
    assert "resumed: True" in third.output()
    assert current_epoch(live) == epoch + 1
    wait_until_current(running)
    assert {table: as_if_never_swapped(live, table) for table in TABLES} == before
    refused = httpx.post(f"{running.url(0)}/api/v1/replay", json={}, timeout=60)
    assert refused.status_code == 501
    assert "trackstream replay" in refused.json()["message"]


def test_the_tables_are_compared_with_the_log_and_a_part_of_them_rebuilt(
    running: Composition, live: Engine
) -> None:
    def verify() -> tuple[int, str]:
        process = running.spawn("verify", [str(TRACKSTREAM), "verify"])
        return process.wait(240), process.output()

    wait_until_current(running)
    before = {table: as_if_never_swapped(live, table) for table in TABLES}
    code, output = verify()
    assert code == 0, output
    [run_id] = before["runs"][0][:1]
    with live.client() as client:
        client.command(f"DELETE FROM run_params WHERE run_id = '{run_id}'")
        client.command(f"DELETE FROM runs WHERE run_id = '{run_id}'")
    code, output = verify()
    assert code == 1, output
    assert "run_params, runs: not what the log says" in output
    epoch = current_epoch(live)
    replay(running, str(TRACKSTREAM), "replay", "--topic", "runs")
    assert current_epoch(live) == epoch + 1
    wait_until_current(running)
    assert {table: as_if_never_swapped(live, table) for table in TABLES} == before
    with live.client() as client:
        client.command(f"DELETE FROM metric_points WHERE run_id = '{run_id}'")
    replay(running, str(TRACKSTREAM), "replay", "--since", "1d")
    wait_until_current(running)
    assert {table: as_if_never_swapped(live, table) for table in TABLES} == before
    code, output = verify()
    assert code == 0, output
