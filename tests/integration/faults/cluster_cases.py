"""The cases on a cluster of three brokers, and those that take long: they run beside the others."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.integration.faults.composition import Composition, wait_until
from tests.integration.faults.outcome import Outcome, loaded, under_load, verified

if TYPE_CHECKING:
    from tests.integration.faults.composition import Load
    from tests.integration.faults.small_disk import SmallDisk

OUTAGE_S = float(os.environ.get("TRACKSTREAM_TEST_OUTAGE_S", "60"))
_FULL_FOR_S = 5.0
_IN_PLACE_S = 30.0
_ONE = "kafka-2"
KINDS = ("entities", "metrics", "artifacts")
_RETRIES = "trackstream_retries_total"


def one_broker_killed(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        ground.stack.kill(_ONE)
        recovered = load.wait_until_flowing(time.monotonic())
        ground.stack.restart(_ONE)
        load.wait_until_flowing(time.monotonic())
        return recovered

    return under_load(ground, "one-of-three", fault)


def brokers_away(ground: Composition) -> Outcome:
    def fault(load: Load) -> float:
        ground.stack.pause("kafka")
        try:
            time.sleep(OUTAGE_S)
        finally:
            ground.stack.resume("kafka")
        return load.wait_until_flowing(time.monotonic())

    return under_load(ground, "away", fault)


def disk_full(ground: Composition, disk: SmallDisk) -> Outcome:
    """Fill the disk and free it, then rebuild the tables from the log: the engine may have damaged them.

    chDB 4.4.0 (ClickHouse 26.9.2) does not heed a `write` that fails with ENOSPC where the space was reserved
    before another took it: it goes on and commits a part all of whose files are empty, be it of a merge or of
    an insert that it then acknowledges. No client can prevent that, or know of it before the part is read.
    """
    with loaded(ground, "disk") as load:
        before = {kind: ground.metric(_RETRIES, kind) for kind in KINDS}
        disk.fill(ground.stack)
        try:
            # Every projector is refused, counts it, and goes on trying.
            for kind, retries in before.items():
                refused = partial(_exceeds, ground, kind, retries + 2)
                wait_until(refused, f"the {kind} projector is refused")
            time.sleep(_FULL_FOR_S)
            assert all(consumer.running for consumer in ground.consumers.values())
        finally:
            disk.free(ground.stack)
        freed = time.monotonic()
        load.wait_until_logged(freed)
        load.stop()
    remark = _in_place(ground, load)
    assert all(consumer.running for consumer in ground.consumers.values())
    began = time.monotonic()
    rebuilt = Composition(ground.stack, ground.folder, ground.name, ("all",), database="rebuilt")
    try:
        rebuilt.wait_until_projected()
        recovered = time.monotonic() - began
        return Outcome(verified(rebuilt, load, set()), recovered, remark)
    finally:
        rebuilt.close()


def _in_place(ground: Composition, load: Load) -> str:
    """Say what is left without a rebuild."""
    try:
        ground.wait_until_projected(_IN_PLACE_S)
        tally = verified(ground, load, set())
    except (AssertionError, ClickHouseError) as error:
        damaged = "CORRUPTED_DATA" in str(error) or "CANNOT_READ_ALL_DATA" in str(error)
        return "the engine had damaged its tables" if damaged else "the tables did not get current"
    return f"before that: lost {tally.lost}" + (", and others damaged" if tally.wrong else "")


def _exceeds(ground: Composition, kind: str, count: float) -> bool:
    assert all(consumer.running for consumer in ground.consumers.values())
    return ground.metric(_RETRIES, kind) > count
