"""Consumers whose tables are swapped under them: at any moment, while they are ahead of the new ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.consumers import story
from tests.consumers.tables import visible
from trackstream_consumers.consumer import Consumer, ConsumerSettings
from trackstream_consumers.engine import Engine
from trackstream_consumers.epoch import Fence, FixedEpoch, begin_epoch, current_epoch, fence_tables
from trackstream_consumers.errors import SlowDown, TablesSwapped
from trackstream_consumers.log.sqlite import SqliteLogReader
from trackstream_consumers.migrate import migrate
from trackstream_consumers.projectors.entities import EntityProjector
from trackstream_consumers.projectors.metrics import MetricProjector
from trackstream_consumers.rebuild.replay import drop_shadow, shadow_database, swap_tables
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.consumers.direct_log import DirectLog

PROJECTORS = (EntityProjector, MetricProjector)
QUICK = ConsumerSettings(first_backoff=0.001, longest_backoff=0.01, idle_poll=0.01)
MOMENTS = [
    *((EntityProjector, statements) for statements in range(0, 20, 2)),
    *((MetricProjector, statements) for statements in (1, 4, 7)),
]
"""Whose statement the swap comes before; a batch of the story takes about twenty of them, and ten."""


@dataclass
class Swap:
    """What happens before the statement behind the next `left` ones; never where that is None."""

    act: Callable[[], None]
    left: int | None = None


class SwappedEngine(Engine):
    """The real engine, whose tables someone swaps before a statement."""

    def __init__(self, engine: Engine, swap: Swap) -> None:
        super().__init__(engine.target, engine.database, clients=2)
        self._swap = swap

    @contextmanager
    def client(self) -> Iterator[Any]:
        swap = self._swap
        if swap.left == 0:
            swap.left = None
            swap.act()
        elif swap.left is not None:
            swap.left -= 1
        with super().client() as client:
            yield client


@pytest.fixture
def shadow(engine: Engine) -> Iterator[Engine]:
    """Tables of epoch 1 beside those of `engine`."""
    made = Engine(engine.target, shadow_database(engine))
    migrate(made)
    fence_tables(made, 1)
    yield made.fenced(FixedEpoch(1))
    made.close()
    drop_shadow(engine)


def consumer_of(log: DirectLog, kind: type[EntityProjector | MetricProjector], engine: Engine) -> Consumer:
    fence = Fence(engine)
    projector = kind(engine.fenced(fence))
    return Consumer(
        SqliteLogReader(log.path, projector.topics), projector, log.dead_letters, QUICK, fence=fence
    )


def project(log: DirectLog, engine: Engine) -> None:
    """Project the log by consumers that know of no epoch."""
    for kind in PROJECTORS:
        projector = kind(engine)
        consumer = Consumer(SqliteLogReader(log.path, projector.topics), projector, log.dead_letters)
        consumer.catch_up()
        consumer.close()


def fresh(log: DirectLog, engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a projection from the beginning has."""
    made = Engine(engine.target, f"{engine.database}_fresh")
    try:
        migrate(made)
        project(log, made)
        return visible(made)
    finally:
        with made.client() as client:
            client.command(f"DROP DATABASE {made.database} SYNC")
        made.close()


def without_mark(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return tables | {"positions": [row for row in tables["positions"] if row[0] != "epoch"]}


@pytest.mark.parametrize(("kind", "statements"), MOMENTS)
def test_a_swap_at_any_moment_loses_nothing(
    log: DirectLog,
    engine: Engine,
    shadow: Engine,
    kind: type[EntityProjector | MetricProjector],
    statements: int,
) -> None:
    bodies = list(story.bodies())
    third = len(bodies) // 3
    log.log(*bodies[:third])
    project(log, shadow)
    # The consumer is ahead of the new tables when they are swapped in, and has a batch on its way.
    log.log(*bodies[third : 2 * third])
    other = consumer_of(log, next(each for each in PROJECTORS if each is not kind), engine)
    swap = Swap(lambda: swap_tables(engine, shadow))
    swapped = SwappedEngine(engine, swap)
    mine = consumer_of(log, kind, swapped)
    other.catch_up()
    mine.catch_up()
    log.log(*bodies[2 * third :])
    begin_epoch(shadow, 1)
    swap.left = statements
    mine.catch_up()
    if swap.left is not None:
        swap.left = None
        swap.act()
    for consumer in (mine, other):
        consumer.catch_up()
        consumer.close()
    assert current_epoch(engine) == 1
    assert without_mark(visible(engine)) == fresh(log, engine)
    swapped.close()


def test_a_late_write_of_an_older_epoch_is_refused(log: DirectLog, engine: Engine, shadow: Engine) -> None:
    log.log(*story.bodies())
    project(log, shadow)
    begin_epoch(shadow, 1)
    fence = Fence(engine)
    late = MetricProjector(engine.fenced(fence))
    assert late.positions() == {}
    swap_tables(engine, shadow)
    before = visible(engine)
    with pytest.raises(TablesSwapped):
        late.apply([], dict.fromkeys(MetricProjector(engine).positions(), 99))
    with pytest.raises(TablesSwapped):
        late.positions()
    assert visible(engine) == before
    # One that knows nothing of epochs is refused too; only who enters the new one is let in.
    with pytest.raises((TablesSwapped, SlowDown)):
        MetricProjector(engine).apply([], dict.fromkeys(MetricProjector(engine).positions(), 99))
    fence.leave()
    assert late.positions() == MetricProjector(engine).positions()
    late.apply([], dict.fromkeys(late.positions(), 99))
    assert set(late.positions().values()) == {99}


def test_consumers_wait_while_a_swap_is_half_done(log: DirectLog, engine: Engine, shadow: Engine) -> None:
    log.log(*story.bodies())
    project(log, shadow)
    begin_epoch(shadow, 1)
    with engine.client() as client:
        client.command(f"EXCHANGE TABLES {engine.database}.epochs AND {shadow.database}.epochs")
    with pytest.raises(Unavailable, match="trackstream replay"):
        Fence(engine).enter()
    with engine.client() as client:
        client.command(f"EXCHANGE TABLES {engine.database}.positions AND {shadow.database}.positions")
    assert Fence(engine).enter() == 1
