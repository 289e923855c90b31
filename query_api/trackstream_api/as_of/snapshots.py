"""Earlier moments of a store as databases beside the live one, on which the same queries run.

A snapshot is a cache and no projection: what is in it follows from the live tables, nobody writes to it but
the process that made it, and that process removes it. It keeps a few and uses the one again that was asked
for longest ago; what the topics of a part have not changed in between is left in it.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError

from trackstream_api.as_of.parts import PARTS, Part, in_order
from trackstream_api.as_of.past import Past
from trackstream_api.errors import NoSnapshots
from trackstream_api.queries.execution import select
from trackstream_consumers.engine import Engine
from trackstream_consumers.errors import SlowDown
from trackstream_schemas.errors import Unavailable
from trackstream_schemas.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from trackstream_api.as_of.moment import Cut
    from trackstream_schemas.position import TopicPartition

logger = logging.getLogger(__name__)

TOPICS = frozenset(part.topic for part in PARTS)
"""What a cut must name."""
LEASE_SECONDS = 3600.0
"""A snapshot that its process has not used for so long may be removed by another process."""
_RENEWED_EVERY = 300.0
_PATIENCE_SECONDS = 30.0
_ATTEMPTS = 3
_CLIENTS = 3
_MOST = 4
_NOT_ALLOWED = (164, 392, 497)
"""READONLY, QUERY_IS_PROHIBITED and ACCESS_DENIED of ClickHouse's ErrorCodes.cpp."""
_STATE = """
    SELECT
        (SELECT max(number) FROM epochs),
        (SELECT uniqExact(run_id) FROM runs WHERE lifecycle_stage = 'purged')
        + (SELECT uniqExact(experiment_id) FROM experiments WHERE lifecycle_stage = 'purged')
"""


class _Key(NamedTuple):
    cut: frozenset[tuple[TopicPartition, int]]
    epoch: int
    """Of the live tables: after a swap some may not be as far as they were."""
    purged: int
    """Entities that are gone for ever, and so from the past as well."""

    def of(self, part: Part) -> _Key:
        """Return the part of this key that a part's content depends on: its topic is its only source."""
        return self._replace(cut=frozenset(item for item in self.cut if item[0].topic == part.topic))


@dataclass
class _Slot:
    """One database, which holds one moment after the other.

    `key`, `users` and `used` are guarded by the condition of `Snapshots`, the rest by `turn`.
    """

    database: str
    key: _Key
    users: int = 0
    used: int = 0
    engine: Engine | None = None
    made: set[Part] = field(default_factory=set)
    filled: dict[Part, _Key] = field(default_factory=dict)
    renewed: float = 0.0
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by who fills it."""

    def lacks(self, key: _Key, wanted: Collection[Part]) -> list[Part]:
        """Return which of these parts are not as `key` has them."""
        return [part for part in wanted if self.filled.get(part) != key.of(part)]


class Snapshots:
    """The snapshots of one process. Thread-safe."""

    def __init__(self, live: Engine, shared: bool, most: int = _MOST) -> None:
        """Keep at most `most` snapshots beside the tables of `live`.

        `shared` tells that other processes have snapshots in this analytical store too: then only those are
        swept up that nobody has used for LEASE_SECONDS.
        """
        self._live = live
        self._shared = shared
        self._most = most
        self._prefix = f"{live.database}_as_of_"
        self._changed = threading.Condition()
        self._slots: list[_Slot] = []
        self._uses = 0
        self._owner = new_id()
        if not shared:
            try:
                self.sweep()
            except Unavailable as error:
                logger.warning("snapshots of an earlier process stay behind: %s", error)

    @contextmanager
    def at(self, cut: Cut, parts: Collection[Part], wait: Callable[[], None]) -> Iterator[Engine]:
        """Give an engine on whose tables these parts are as they were at `cut`; only to be read.

        `cut` names all partitions of TOPICS, and the live tables have reached it. `wait` is called where they
        were swapped meanwhile, and returns once they have reached it again. Raises NoSnapshots where the
        analytical store allows none, and Unavailable.
        """
        for attempt in range(_ATTEMPTS):
            if attempt:
                wait()
            wanted = in_order(parts)
            with self._borrowed(cut, wanted) as slot:
                if self._fill(slot, cut, wanted):
                    assert slot.engine is not None
                    yield slot.engine
                    return
        raise Unavailable("the tables were swapped by a replay while a snapshot was made of them; try again")

    def sweep(self) -> None:
        """Remove what processes that were killed have left behind."""
        with self._refusals(), self._live.client() as client:
            names = client.query(
                "SELECT name FROM system.databases WHERE startsWith(name, {prefix:String})",
                parameters={"prefix": self._prefix},
            ).result_rows
            for (name,) in names:
                of_others = not name.startswith(f"{self._prefix}{self._owner}")
                if of_others and not (self._shared and self._is_in_use(name)):
                    client.command(f"DROP DATABASE IF EXISTS {name} SYNC")

    def close(self) -> None:
        """Remove the snapshots of this process. Repeatable."""
        with self._changed:
            slots, self._slots = self._slots, []
        for slot in slots:
            try:
                self._drop(slot)
            except (NoSnapshots, Unavailable) as error:
                logger.warning("the snapshot %s stays behind: %s", slot.database, error)

    @contextmanager
    def _borrowed(self, cut: Cut, wanted: Collection[Part]) -> Iterator[_Slot]:
        epoch, purged = select(self._live, _STATE, {})[0]
        key = _Key(frozenset(cut.items()), epoch, purged)
        slot = self._take(key, wanted)
        try:
            yield slot
        finally:
            with self._changed:
                slot.users -= 1
                self._changed.notify_all()

    def _take(self, key: _Key, wanted: Collection[Part]) -> _Slot:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        with self._changed:
            self._uses += 1
            while True:
                slot = self._slot_for(key, wanted)
                if slot is not None:
                    slot.users += 1
                    slot.used = self._uses
                    return slot
                if not self._changed.wait(deadline - time.monotonic()):
                    raise Unavailable(
                        f"{self._most} other moments are being read at once, which is the most; try again"
                    )

    def _slot_for(self, key: _Key, wanted: Collection[Part]) -> _Slot | None:
        """Return a slot of this key, or one that can become it: one with all that is wanted at the best."""
        for slot in self._slots:
            if slot.key == key:
                return slot
        free = sorted((slot for slot in self._slots if not slot.users), key=lambda one: one.used)
        chosen = next((slot for slot in free if slot.lacks(key, wanted) == []), None)
        if chosen is None and len(self._slots) < self._most:
            chosen = _Slot(f"{self._prefix}{self._owner}_{len(self._slots)}", key)
            self._slots.append(chosen)
        elif chosen is None and free:
            chosen = free[0]
        if chosen is not None:
            chosen.key = key
        return chosen

    def _fill(self, slot: _Slot, cut: Cut, parts: list[Part]) -> bool:
        """Fill what is missing; False where a replay swapped the live tables meanwhile."""
        with slot.turn, self._refusals():
            self._open(slot)
            missing = slot.lacks(slot.key, parts)
            if not missing:
                return True
            assert slot.engine is not None
            past = Past(self._live.database, slot.engine, cut)
            for part in missing:
                slot.filled.pop(part, None)
                if part in slot.made:
                    part.empty(past)
                else:
                    part.make(past)
                    slot.made.add(part)
                part.fill(past)
            if self._shared and select(self._live, _STATE, {})[0][0] != slot.key.epoch:
                return False
            slot.filled |= {part: slot.key.of(part) for part in missing}
            return True

    def _open(self, slot: _Slot) -> None:
        """Make the slot's database, or show that it is in use."""
        age = time.monotonic() - slot.renewed
        if slot.engine is not None and self._shared and age > LEASE_SECONDS / 2:
            # Others may remove it any time soon, or have done so.
            self._drop(slot)
        if slot.engine is None:
            if self._shared:
                self.sweep()
            slot.engine = Engine(self._live.target, slot.database, _CLIENTS)
            if self._shared:
                self._command(f"CREATE TABLE {slot.database}.lease (seen DateTime) ENGINE = Log")
                self._renew(slot)
        elif self._shared and age > _RENEWED_EVERY:
            self._renew(slot)

    def _renew(self, slot: _Slot) -> None:
        self._command(f"INSERT INTO {slot.database}.lease SELECT now()")
        slot.renewed = time.monotonic()

    def _drop(self, slot: _Slot) -> None:
        engine, slot.engine = slot.engine, None
        slot.made.clear()
        slot.filled.clear()
        if engine is not None:
            engine.close()
            with self._refusals():
                self._command(f"DROP DATABASE IF EXISTS {slot.database} SYNC")

    def _is_in_use(self, database: str) -> bool:
        # No lease: it is being made just now, or its process was killed then and left an empty database.
        with suppress(ClickHouseError), self._live.client() as client:
            seen = client.query(
                f"SELECT max(seen) > now() - {LEASE_SECONDS:.0f} FROM {database}.lease"
            ).result_rows
            return bool(seen[0][0])
        return True

    def _command(self, statement: str) -> None:
        with self._live.client() as client:
            client.command(statement)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn what the analytical store says while a snapshot is made into errors of the tree."""
        try:
            yield
        except (ClickHouseError, SlowDown) as error:
            cause = error.__cause__ if isinstance(error, SlowDown) else error
            if getattr(cause, "code", None) in _NOT_ALLOWED:
                raise NoSnapshots(
                    "as_of needs tables beside the live ones, which the analytical store's user may not make:"
                    " grant it CREATE DATABASE, CREATE TABLE, CREATE VIEW, SELECT, INSERT, TRUNCATE and DROP"
                    f" on {self._prefix}*.*; what is live is answered without ({cause})"
                ) from error
            raise Unavailable(f"no snapshot can be made now: {error}") from error
