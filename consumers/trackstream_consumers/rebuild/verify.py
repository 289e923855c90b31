"""Compare the live tables with a fold of the log, while traffic goes on.

The log is projected into tables of its own up to where the live projectors are; what then differs is told
table by table with the first row of each. How that is sound while rows are written: see `verify_rounds`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackstream_consumers.engine import Engine
from trackstream_consumers.migrate import migrate
from trackstream_consumers.rebuild.replay_plan import plan_of
from trackstream_consumers.rebuild.replay_shadow import drop_database
from trackstream_consumers.rebuild.replay_tables import BOOKKEEPING, SHARED, tables_of
from trackstream_consumers.rebuild.verify_compare import Difference
from trackstream_consumers.rebuild.verify_fold import Fold, VerifyProgress, folding
from trackstream_consumers.rebuild.verify_rounds import Comparison, TableVerdict, Verification, live_positions
from trackstream_schemas.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trackstream_schemas.blobs import BlobStore

__all__ = [
    "Difference",
    "TableVerdict",
    "Verification",
    "VerifyProgress",
    "VerifyResult",
    "drop_leftovers",
    "verify",
]

_ROUNDS = 4
_NEAR = 20_000
"""Records that the live projectors may be behind where they cannot be halted."""
_CATCH_UP_SECONDS = 60.0
_LOOK_EVERY = 0.2


@dataclass(frozen=True)
class VerifyResult:
    """What was compared, and what differs."""

    tables: tuple[TableVerdict, ...]
    records: int
    """Records of the log that were projected for it."""

    @property
    def equal(self) -> bool:
        """Whether all that was compared is the same."""
        return not any(table.different for table in self.tables)


def verify(
    what: Verification,
    blobs: BlobStore,
    scratch: Path,
    names: Sequence[str] = (),
    report: Callable[[VerifyProgress], None] | None = None,
) -> VerifyResult:
    """Compare the live tables of these topics' projectors (none: all) with what the log says.

    `blobs` and the directory `scratch` are not touched. Raises InvalidInput for an unknown topic,
    Unavailable where the live projectors do not come near the log's end, and what stops a projection (such
    as RecordsLost).
    """
    plan = plan_of(names)
    live = what.live
    fold_name, frozen_name = _databases(live)
    drop_leftovers(live)
    engine = Engine(live.target, fold_name)
    try:
        migrate(engine, views=False)
        with folding(engine, what.open_reader, plan.projectors, blobs, scratch, report) as fold:
            tables = [
                table
                for table in tables_of(engine)
                if table.name not in BOOKKEEPING
                and (table.name == SHARED or table.projector in plan.projectors)
            ]
            comparison = Comparison(what, fold, tables, frozen_name, frozenset(plan.topics))
            for _ in range(_ROUNDS):
                fold.reach(live_positions(live))
                if what.halted is None:
                    _wait_until_near(what, fold)
                comparison.do_round()
                if comparison.settled:
                    break
            return VerifyResult(comparison.verdicts(), fold.records())
    finally:
        engine.close()
        drop_leftovers(live)


def drop_leftovers(engine: Engine) -> None:
    """Remove what a comparison that was killed has left behind. Not while one runs."""
    for database in _databases(engine):
        drop_database(engine, database)


def _databases(engine: Engine) -> tuple[str, str]:
    return f"{engine.database}_fold", f"{engine.database}_frozen"


def _wait_until_near(what: Verification, fold: Fold) -> None:
    """Wait for the live projectors, so that little is ahead of their positions. Raises Unavailable."""
    until = time.monotonic() + _CATCH_UP_SECONDS
    while True:
        positions = live_positions(what.live)
        behind = sum(max(0, end - positions.get(at, 0)) for at, end in fold.ends().items())
        if behind <= _NEAR:
            return
        if time.monotonic() > until:
            raise Unavailable(
                f"the consumers are {behind} records behind the log and do not catch up: start"
                " `trackstream consume all`, or wait until they have, and verify then"
            )
        time.sleep(_LOOK_EVERY)
