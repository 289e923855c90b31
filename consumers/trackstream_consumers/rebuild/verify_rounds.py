"""The rounds of a comparison of the live tables with a fold of the log.

In each round the live tables are taken hold of as they are (their parts are linked, not copied), and the
fold is brought to the positions that stood there just before. Where the projectors run elsewhere, some rows
are then ahead of these positions. Which, is told by the keys of the records between them and the log's end:
what these entities have is left for the next round, save rows that never change once they are written.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_consumers.epoch import current_epoch
from trackstream_consumers.rebuild.replay_plan import touched_since
from trackstream_consumers.rebuild.replay_shadow import drop_database
from trackstream_consumers.rebuild.replay_tables import SHARED, at_or_behind
from trackstream_consumers.rebuild.verify_compare import Difference, compare_table
from trackstream_consumers.store import engine_errors
from trackstream_schemas import topics
from trackstream_schemas.position import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.log.port import LogReader
    from trackstream_consumers.rebuild.replay_tables import Table
    from trackstream_consumers.rebuild.verify_fold import Fold

_NEVER_CHANGE = frozenset({"metric_points", "metric_rollups", "metric_events", "rewinds"})
"""Tables whose rows tell their offset and stay as they are, save for a purge of their run."""
_BUSY, _BUSY_BESIDE, _LEFT = "busy", "busy_beside", "left_over"
_IDS_AT_ONCE = 10_000


@dataclass(frozen=True)
class TableVerdict:
    """What is found of one table."""

    table: str
    rows: int
    """Rows that follow from the log and were compared."""
    different: int
    """Identities whose rows are not the same, or are on one side only."""
    first: Difference | None
    unsettled: int
    """Entities that were written to all the while: of them only what never changes was compared."""


@dataclass(frozen=True)
class Verification:
    """What is to be compared with what."""

    live: Engine
    open_reader: Callable[[Sequence[str]], LogReader]
    halted: Callable[[], AbstractContextManager[None]] | None
    """Stops the live projectors between two batches while it is entered; None: they run elsewhere."""


class Comparison:
    """One comparison of `tables`, those of the fold. `frozen` is the name of a database that it may use."""

    def __init__(
        self, what: Verification, fold: Fold, tables: Sequence[Table], frozen: str, wanted: frozenset[str]
    ) -> None:
        """Of the table that several projectors write only rows of the topics `wanted` are compared."""
        self._wanted = ", ".join(map(repr, sorted(wanted)))
        self._what = what
        self._fold = fold
        self._tables = tables
        self._frozen = frozen
        self._found: dict[str, TableVerdict] = {}
        self._left: set[str] | None = None
        self._beyond: tuple[int, Difference] | None = None
        self._partitions = 0
        with engine_errors(), fold.engine.client() as client:
            for name in (_BUSY, _BUSY_BESIDE, _LEFT):
                client.command(f"CREATE TABLE {name} (id String) ENGINE = Log")

    @property
    def settled(self) -> bool:
        """Whether everything was compared."""
        return self._left is not None and not self._left and len(self._found) == len(self._tables)

    def do_round(self) -> None:
        """Compare what is not compared yet and can be now."""
        what = self._what
        try:
            with what.halted() if what.halted is not None else nullcontext():
                positions, ends = self._take_hold()
            self._note_beyond(positions, ends)
            self._fold.reach(positions)
            busy = {} if what.halted is not None else self._busy(positions, ends)
            everyone = set().union(*busy.values())
            self._note_ids(_BUSY, everyone)
            beside = (ids for topic, ids in busy.items() if topic != topics.METRICS)
            self._note_ids(_BUSY_BESIDE, set().union(*beside))
            self._note_ids(_LEFT, self._left or ())
            for table in self._tables:
                if table.ids or not busy.get(topics.DEAD_LETTERS):
                    self._compare(table, positions)
            self._left = everyone if self._left is None else self._left & everyone
        finally:
            drop_database(what.live, self._frozen)

    def verdicts(self) -> tuple[TableVerdict, ...]:
        """Return what was found, by table. Positions are among it where they are behind the log's end."""
        left = len(self._left or ())
        found = [
            TableVerdict(
                table.name,
                known.rows if (known := self._found.get(table.name)) else 0,
                known.different if known else 0,
                known.first if known else None,
                left if table.ids else int(known is None),
            )
            for table in self._tables
        ]
        if self._beyond is not None:
            found.append(TableVerdict("positions", self._partitions, *self._beyond, 0))
        return tuple(sorted(found, key=lambda verdict: verdict.table))

    def _take_hold(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """Freeze the live tables; returns their positions and the ends of what may be in them."""
        while True:
            epoch = current_epoch(self._what.live)
            positions = live_positions(self._what.live)
            self._freeze()
            ends = self._fold.ends()
            # Tables that a replay has put in meanwhile may end before these positions.
            if current_epoch(self._what.live) == epoch:
                return positions, ends

    def _freeze(self) -> None:
        """Link the parts of the live tables into tables that nobody writes to."""
        live = self._what.live
        drop_database(live, self._frozen)
        with engine_errors(), live.client() as client:
            client.command(f"CREATE DATABASE {self._frozen}")
            for table in self._tables:
                source, target = f"{live.database}.{table.name}", f"{self._frozen}.{table.name}"
                client.command(f"CREATE TABLE {target} AS {source}")
                client.command(f"ALTER TABLE {target} ATTACH PARTITION ID 'all' FROM {source}")

    def _busy(
        self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[str, set[str]]:
        """Return by topic the keys of what may be further in the tables than the positions say."""
        since = {at: positions.get(at, 0) for at in ends}
        return {
            topic: touched_since(
                self._what.open_reader,
                {at: offset for at, offset in since.items() if at.topic == topic},
                ends,
            )
            for topic in {at.topic for at in ends}
        }

    def _note_ids(self, table: str, ids: Collection[str]) -> None:
        listed = sorted(ids)
        with engine_errors(), self._fold.engine.client() as client:
            client.command(f"TRUNCATE TABLE {table}")
            for start in range(0, len(listed), _IDS_AT_ONCE):
                client.insert(table, [[key] for key in listed[start : start + _IDS_AT_ONCE]])

    def _note_beyond(
        self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> None:
        beyond = sorted(at for at, offset in positions.items() if offset > ends.get(at, offset))
        self._partitions = len(positions)
        if beyond:
            first = beyond[0]
            identity = {"topic": first.topic, "partition": str(first.partition)}
            shown = Difference(identity, "next_offset", str(positions[first]), str(ends[first]))
            self._beyond = (len(beyond), shown)

    def _compare(self, table: Table, positions: Mapping[TopicPartition, int]) -> None:
        fold = self._fold.engine.database
        done = compare_table(
            self._what.live, table, self._frozen, fold, self._condition(table, positions, fold)
        )
        before = self._found.get(table.name) if table.ids else None
        self._found[table.name] = TableVerdict(
            table.name,
            done.rows + (before.rows if before else 0),
            done.different + (before.different if before else 0),
            (before.first if before else None) or done.first,
            0,
        )

    def _condition(self, table: Table, positions: Mapping[TopicPartition, int], fold: str) -> str:
        """Return which rows of a table can be compared now and were not before."""
        parts = [f"topic IN ({self._wanted})"] if table.name == SHARED else ["1"]
        if not table.ids or (self._what.halted is not None and self._left is None):
            return parts[0]
        busy = _BUSY
        if table.name == SHARED:
            parts.append(f"NOT {at_or_behind(positions)}")
        elif table.name in _NEVER_CHANGE:
            of_topic = {at: offset for at, offset in positions.items() if at.topic == topics.METRICS}
            behind = at_or_behind(of_topic).replace("topic = ", f"'{topics.METRICS}' = ")
            parts.append(f"NOT {behind.replace('offset >=', 'bitNot(earliness) >=')}")
            busy = _BUSY_BESIDE
        if self._left is not None:
            parts += [f"{name} IN (SELECT id FROM {fold}.{_LEFT})" for name in table.ids]
        if table.name != SHARED:
            parts += [f"{name} NOT IN (SELECT id FROM {fold}.{busy})" for name in table.ids]
        return " AND ".join(parts)


def live_positions(live: Engine) -> dict[TopicPartition, int]:
    """Return for each partition the first offset that its projector has not projected."""
    query = (
        "SELECT topic, partition, next_offset FROM positions FINAL"
        " WHERE topic != '' AND projector NOT LIKE '%.%'"
    )
    with engine_errors(), live.client() as client:
        return {TopicPartition(row[0], row[1]): row[2] for row in client.query(query).result_rows}
