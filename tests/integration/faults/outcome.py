"""How a case is run, and what comes of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.faults.composition import Load
from tests.integration.faults.verification import Tally, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from tests.integration.faults.composition import Composition

_seeds = iter(range(100, 10**9, 100))


@dataclass(frozen=True)
class Outcome:
    """A row of docs/faults.md."""

    tally: Tally
    recovered: float
    """Seconds; see `Load.wait_until_flowing`."""
    remark: str = ""
    """What else the row must say."""


def under_load(
    ground: Composition,
    name: str,
    fault: Callable[[Load], float],
    uris: Sequence[str] = ("", "", ""),
    clocks: Sequence[float] = (0.0, 0.0, 0.0),
) -> Outcome:
    """Do something to the store that returns how long it took to recover, and compare; see `loaded`."""
    letters = set(ground.dead_letters())
    with loaded(ground, name, uris, clocks) as load:
        recovered = fault(load)
        load.stop()
    ground.wait_until_projected()
    return Outcome(verified(ground, load, letters), recovered)


@contextmanager
def loaded(
    ground: Composition,
    name: str,
    uris: Sequence[str] = ("", "", ""),
    clocks: Sequence[float] = (0.0, 0.0, 0.0),
) -> Iterator[Load]:
    """Have producers log, from before the block begins until it stops them.

    `uris` says where each producer logs ("": to Kafka), `clocks` by how many seconds its clock is wrong.
    """
    load = Load(ground, name, next(_seeds))
    try:
        for number, uri in enumerate(uris):
            load.start(uri, clocks[number] if number < len(clocks) else 0.0)
        load.wait_until_flowing()
        yield load
    finally:
        load.kill()


def verified(ground: Composition, load: Load, letters: AbstractSet[tuple[object, ...]]) -> Tally:
    """Compare; `letters` are the dead letters from before."""
    with ground.store() as store, ground.blobs() as blobs:
        tally = compare(
            store, blobs, load.runs(), frozenset(load.excused), frozenset(load.expected_conflicts)
        )
    if not load.expects_letters:
        tally.wrong += [f"given up: {letter}" for letter in set(ground.dead_letters()) - letters]
    return tally
