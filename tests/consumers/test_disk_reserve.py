"""Inserts leave some of the disk free, and say so where they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.consumers.tables import scalar
from trackstream_consumers import store
from trackstream_consumers.disk_reserve import DEFAULT_BYTES, VARIABLE, disk_reserve
from trackstream_consumers.engine import Engine
from trackstream_consumers.errors import SlowDown
from trackstream_schemas import topics
from trackstream_schemas.errors import InvalidInput
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = TopicPartition(topics.RUNS, 0)


@pytest.fixture
def full(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that must leave more free than there is."""
    monkeypatch.setenv(VARIABLE, str(1 << 60))
    made = Engine(engine.target, engine.database, clients=1)
    yield made
    made.close()


def test_an_insert_that_would_find_less_is_put_off_and_reads_go_on(engine: Engine, full: Engine) -> None:
    store.save_positions(engine, "metrics", {AT: 1})
    for _ in range(2):
        with pytest.raises(SlowDown, match=f"disk is nearly full; {VARIABLE} is what is left free"):
            store.save_positions(full, "metrics", {AT: 2})
    assert store.positions(full, "metrics") == {AT: 1}
    assert scalar(full, "SELECT 1") == 1
    store.save_positions(engine, "metrics", {AT: 3})
    assert store.positions(full, "metrics") == {AT: 3}


def test_the_setting() -> None:
    assert disk_reserve({}) == disk_reserve({VARIABLE: " "}) == DEFAULT_BYTES
    assert disk_reserve({VARIABLE: "0"}) == 0
    assert disk_reserve({VARIABLE: "1000"}) == 1000


@pytest.mark.parametrize("value", ["-1", "128M", "1e9", "lots", "²", "9" * 40])
def test_a_setting_that_is_no_number_of_bytes_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match=f"{VARIABLE}: got '{value}', expected a number of bytes"):
        disk_reserve({VARIABLE: value})
