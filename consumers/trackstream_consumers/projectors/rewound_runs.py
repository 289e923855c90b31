"""What the metric projector knows of runs that were rewound: few, so it is kept in memory once it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trackstream_consumers import store
from trackstream_consumers.metric_branches import Branches, Hidden, Rewind, branches
from trackstream_consumers.metric_rows import NewestBranch, latest_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record

_REWOUND = "SELECT DISTINCT run_id FROM rewinds"
REWINDS = """
    SELECT run_id, offset, producer_id, sequence, writer, step FROM rewinds FINAL
    WHERE run_id IN {ids:Array(String)}
"""
FIRST_SEEN = """
    SELECT run_id, producer_id, bitNot(max(earliness)) FROM metric_events
    WHERE run_id IN {ids:Array(String)} GROUP BY run_id, producer_id
"""
VALUE_ORDER = """
    if(reinterpretAsUInt64(value) >= 9223372036854775808, bitNot(reinterpretAsUInt64(value)),
        bitOr(reinterpretAsUInt64(value), 9223372036854775808)) + 4503599627370495
"""
"""`value_order` of projectors.latest, in SQL."""
_LATEST = f"""
    SELECT key, argMax((step, timestamp, reinterpretAsUInt64(value)), (step, timestamp, {VALUE_ORDER}))
    FROM metric_points FINAL
    WHERE run_id = {{run_id:String}}
        AND NOT arrayExists(
            (producer, low, below, first) ->
                producer_id = producer AND sequence >= low AND sequence < below AND step >= first,
            {{producers:Array(String)}}, {{lows:Array(UInt64)}}, {{belows:Array(UInt64)}},
            {{steps:Array(Int64)}}
        )
    GROUP BY key
"""
_KEYS = "SELECT DISTINCT key FROM latest_metrics WHERE run_id = {run_id:String}"
_SUPERSEDED = pa.schema(
    {
        "run_id": pa.string(),
        "producer_id": pa.string(),
        "from_sequence": pa.list_(pa.uint64()),
        "below_sequence": pa.list_(pa.uint64()),
        "from_step": pa.list_(pa.int64()),
        "version": pa.uint64(),
    }
)
_MOST_KEPT = 10_000


def branches_of_rows(
    run_ids: Sequence[str], rewinds: Iterable[Sequence[Any]], first_seen: Iterable[Sequence[Any]]
) -> dict[str, Branches]:
    """Return the branches of these runs from the rows of REWINDS and FIRST_SEEN for them."""
    seen: dict[str, dict[str, int]] = {}
    for run_id, producer_id, offset in first_seen:
        seen.setdefault(run_id, {})[producer_id] = offset
    found: dict[str, list[Rewind]] = {run_id: [] for run_id in run_ids}
    for run_id, *fields in rewinds:
        found[run_id].append(Rewind(*fields))
    return {run_id: branches(of_it, seen.get(run_id, {})) for run_id, of_it in found.items()}


def superseded_rows(known: Mapping[str, Branches]) -> pa.Table:
    """Return rows of `superseded` for these runs, by id: what the newest branch of each does not show."""
    rows = []
    for run_id, found in known.items():
        by_producer: dict[str, list[Hidden]] = {}
        for hidden in found.hidden(found.newest):
            by_producer.setdefault(hidden.producer_id, []).append(hidden)
        rows += [
            {
                "run_id": run_id,
                "producer_id": producer_id,
                "from_sequence": [hidden.from_sequence for hidden in stretches],
                "below_sequence": [hidden.below_sequence for hidden in stretches],
                "from_step": [hidden.from_step for hidden in stretches],
                "version": found.last_offset + 1,
            }
            for producer_id, stretches in by_producer.items()
        ]
    return pa.Table.from_pylist(rows, schema=_SUPERSEDED)


class RewoundRuns:
    """The runs of one projector that were rewound. Used by its thread. All methods raise SlowDown."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._run_ids: set[str] | None = None
        self._known: dict[str, Branches] = {}

    def forget(self) -> None:
        """Read all anew when it is needed: the tables may be others, or have been written to by others."""
        self._run_ids = None
        self._known = {}

    def take(self, rewound: Iterable[str]) -> None:
        """Note that these runs were rewound just now, which is in the tables."""
        self._ids().update(rewound)
        for run_id in rewound:
            self._known.pop(run_id, None)

    def load(self, run_ids: Iterable[str]) -> None:
        """Read the branches of those of these runs that were rewound."""
        missing = [run_id for run_id in run_ids if run_id in self._ids() and run_id not in self._known]
        if missing:
            if len(self._known) > _MOST_KEPT:
                self._known = {}
            # The rewinds first: whoever is known by one is then also seen.
            rewinds = list(store.select_by_ids(self._engine, REWINDS, missing))
            first_seen = store.select_by_ids(self._engine, FIRST_SEEN, missing)
            self._known |= branches_of_rows(missing, rewinds, first_seen)

    def of(self, run_id: str) -> Branches | None:
        """Return the branches of a run that was loaded; None where it was never rewound."""
        return self._known[run_id] if run_id in self._ids() else None

    def newest_branch(self, record: Record) -> NewestBranch | None:
        """Return what of a batch of points is on the newest branch of its run; the run was loaded."""
        found = self.of(record.key)
        if found is None:
            return None
        envelope = record.event.envelope
        first_steps = [
            hidden.from_step
            for hidden in found.hidden_of(envelope.producer_id, found.newest)
            if hidden.from_sequence <= envelope.sequence < hidden.below_sequence
        ]
        return NewestBranch(found.newest, min(first_steps, default=None))

    def begins_branch(self, record: Record) -> bool:
        """Tell whether this event began a branch; if not, it joined one or stands on the log once more."""
        found = self.of(record.key)
        return found is not None and record.position.offset in found.begins

    def superseded(self, run_ids: Iterable[str]) -> pa.Table:
        """Return rows of `superseded` for these runs, which were loaded and rewound."""
        return superseded_rows({run_id: self._known[run_id] for run_id in run_ids})

    def latest(self, run_id: str) -> list[pa.Table]:
        """Return rows of `latest_metrics` for all metrics of a run, from all its points that are projected.

        A metric without points on the newest branch gets a row that says so.
        """
        found = self._known[run_id]
        hidden = found.hidden(found.newest)
        parameters = {
            "run_id": run_id,
            "producers": [item.producer_id for item in hidden],
            "lows": [item.from_sequence for item in hidden],
            "belows": [item.below_sequence for item in hidden],
            "steps": [item.from_step for item in hidden],
        }
        with store.engine_errors(), self._engine.client() as client:
            rows = client.query(_LATEST, parameters=parameters).result_rows
            keys = [row[0] for row in client.query(_KEYS, parameters={"run_id": run_id}).result_rows]
        points: Mapping[str, tuple[int, int, int]] = {row[0]: row[1] for row in rows}
        gone = [key for key in keys if key not in points]
        columns = list(zip(*points.values(), strict=True)) or [(), (), ()]
        return [
            latest_rows(
                pa.array(list(points), pa.string()),
                pa.array([run_id] * len(points), pa.string()),
                np.array(columns[0], dtype=np.int64),
                np.array(columns[1], dtype=np.int64),
                np.array(columns[2], dtype=np.uint64).view(np.float64),
                np.full(len(points), found.newest, dtype=np.int64),
            ),
            latest_rows(
                pa.array(gone, pa.string()),
                pa.array([run_id] * len(gone), pa.string()),
                np.zeros(len(gone), dtype=np.int64),
                np.zeros(len(gone), dtype=np.int64),
                np.zeros(len(gone), dtype=np.float64),
                np.full(len(gone), found.newest, dtype=np.int64),
                is_deleted=1,
            ),
        ]

    def _ids(self) -> set[str]:
        if self._run_ids is None:
            with store.engine_errors(), self._engine.client() as client:
                self._run_ids = {row[0] for row in client.query(_REWOUND).result_rows}
        return self._run_ids
