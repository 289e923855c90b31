"""Which generation of the tables a projector writes, where a replay elsewhere may swap them.

Tables that were swapped in take rows only from writers that name their epoch: each has a column `epoch` that
is not stored, and one computed from it that refuses every other number. So a consumer that was on its way
when the tables were swapped, however long it takes, cannot put into the new ones what it made of the old.
It then drops the batch and begins where the new tables end. A swap exchanges the table `epochs` first and
`positions` last. Tables that no replay ever swapped are of epoch 0 and refuse nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from trackstream_consumers.errors import TablesSwapped
from trackstream_consumers.store import POSITIONS, engine_errors, insert
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from trackstream_consumers.engine import Engine

_MARK = "epoch"
"""A projector of this name has, in complete tables of epoch N > 0, the position N."""
_NOT_SWAPPED = ("epochs", "migrations")


def current_epoch(engine: Engine) -> int:
    """Return the generation of the tables that are live now; 0 before the first swap."""
    with engine_errors(), engine.client() as client:
        return int(client.query("SELECT max(number) FROM epochs").result_rows[0][0])


def fence_tables(shadow: Engine, number: int) -> None:
    """Have the shadow's tables, which are still empty, take only rows of epoch `number`."""
    with engine_errors(), shadow.client() as client:
        names = client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        ).result_rows
        for (name,) in names:
            if name not in _NOT_SWAPPED:
                client.command(
                    f"ALTER TABLE {name} ADD COLUMN epoch UInt32 EPHEMERAL 0 COMMENT 'Of the writer',"
                    " ADD COLUMN of_this_epoch UInt8 MATERIALIZED"
                    f" throwIf(epoch != {number:d}, 'this table is of epoch {number:d}')"
                    " COMMENT 'Always 0; refuses rows of writers of another epoch'"
                )


def begin_epoch(shadow: Engine, number: int) -> None:
    """Mark the shadow's tables as generation `number`; the last thing before they are swapped in.

    The shadow's engine is fenced with that number.
    """
    with engine_errors(), shadow.client() as client:
        client.insert("epochs", [[number]], column_names=["number"])
    mark = {"projector": _MARK, "topic": "", "partition": 0, "next_offset": number}
    insert(shadow, "positions", pa.Table.from_pylist([mark], schema=POSITIONS))


class FixedEpoch:
    """The epoch of tables that nobody swaps."""

    def __init__(self, number: int) -> None:
        self.number = number

    def enter(self) -> int:
        """Return the number."""
        return self.number


class Fence:
    """Keeps one projector to one epoch. Used by its thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entered: int | None = None

    @property
    def number(self) -> int:
        """The epoch that was entered."""
        return self._entered or 0

    def enter(self) -> int:
        """Return the epoch that this projector works in, which is the current one where it has none yet.

        Raises TablesSwapped where it has another one, Unavailable while a swap is half done.
        """
        if self._entered is not None:
            self.check()
            return self._entered
        found = current_epoch(self._engine)
        if found and not self._is_complete(found):
            raise Unavailable(
                "the tables are being swapped by a replay; if that has ended, run `trackstream replay` again"
            )
        self._entered = found
        return found

    def leave(self) -> None:
        """Work in whatever epoch is the current one at the next `enter`."""
        self._entered = None

    def check(self) -> None:
        """Raise TablesSwapped where the live tables are no longer those of the epoch entered."""
        if self._entered is not None:
            found = current_epoch(self._engine)
            if found != self._entered:
                raise TablesSwapped(
                    f"a replay has swapped the tables: they are of epoch {found}, this was {self._entered}"
                )

    def _is_complete(self, epoch: int) -> bool:
        with engine_errors(), self._engine.client() as client:
            found = client.query(
                "SELECT max(next_offset) FROM positions WHERE projector = {name:String}",
                parameters={"name": _MARK},
            )
        return bool(found.result_rows[0][0] == epoch)
