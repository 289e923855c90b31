"""The metrics of a snapshot: points are seen through views, latest values are copied or found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import store
from trackstream_consumers.projectors.rewound_runs import (
    FIRST_SEEN,
    VALUE_ORDER,
    branches_of_rows,
    superseded_rows,
)
from trackstream_schemas import topics

if TYPE_CHECKING:
    from trackstream_api.as_of.past import Past

_RUNS_AT_ONCE = 1000
_COLUMNS = {
    "metric_points": "run_id, key, step, timestamp, value, writer, producer_id, sequence, point, rolled",
    "metric_rollups": (
        "run_id, key, width, first_step, last_step, last_timestamp, last_value, points, numbers, low, high,"
        " total, rolled, writer, producer_id, sequence, point"
    ),
    "metric_events": "run_id, producer_id, sequence, event_type, writer, points",
    "rewinds": "run_id, producer_id, sequence, writer, step, occurred_at",
}
_OFFSET = "bitNot(earliness)"
_REWINDS = "SELECT run_id, offset, producer_id, sequence, writer, step FROM rewinds"
_LATEST_COLUMNS = "key, run_id, value, step, timestamp, rank, is_deleted"
# In a snapshot there is one row for each value, or one that takes it back: ranks only tell these apart.
_COPIED, _TAKEN_BACK, _FOUND = range(3)
_SHOWN = {
    "points": "metric_points WHERE run_id NOT IN (SELECT run_id FROM superseded)",
    "points of rewound runs": """
        metric_points AS p LEFT JOIN superseded AS s ON s.run_id = p.run_id AND s.producer_id = p.producer_id
        WHERE p.run_id IN (SELECT run_id FROM superseded) AND NOT arrayExists(
            (low, below, first) -> p.sequence >= low AND p.sequence < below AND p.step >= first,
            s.from_sequence, s.below_sequence, s.from_step
        )
    """,
}


def fill_points(past: Past) -> None:
    """Make views of the live points, rewinds and events before the cut, and say what was superseded then.

    Of several appends the first one counts, which FINAL finds without regard to the cut: if it is behind the
    cut, so are the others.
    """
    for table, columns in _COLUMNS.items():
        past.run(
            f"CREATE OR REPLACE VIEW {table} AS"
            f" SELECT {columns}, partition, earliness, {_OFFSET} AS offset FROM {past.live}.{table} FINAL"
            f" WHERE {past.is_in(topics.METRICS, _OFFSET)}"
        )
    rewinds = past.select(_REWINDS)
    rewound = list(dict.fromkeys(row[0] for row in rewinds))
    for start in range(0, len(rewound), _RUNS_AT_ONCE):
        some = rewound[start : start + _RUNS_AT_ONCE]
        known = branches_of_rows(
            some, [row for row in rewinds if row[0] in set(some)], past.select(FIRST_SEEN, {"ids": some})
        )
        store.insert(past.engine, "superseded", superseded_rows(known))


def fill_latest(past: Past) -> None:
    """Copy the latest values of runs without events behind the cut, and find those of the others."""
    changed = (
        f"SELECT run_id FROM {past.live}.metric_events WHERE NOT ({past.is_in(topics.METRICS, _OFFSET)})"
    )
    past.run(
        f"INSERT INTO latest_metrics ({_LATEST_COLUMNS})"
        f" SELECT key, run_id, value, step, timestamp, {_COPIED}, 0 FROM {past.live}.latest_metrics FINAL"
        f" WHERE run_id NOT IN ({changed})"
    )
    # A projector notes the event before it writes the values: whose were copied too new is in `changed` now.
    past.run(
        f"INSERT INTO latest_metrics ({_LATEST_COLUMNS})"
        f" SELECT key, run_id, 0, 0, 0, {_TAKEN_BACK}, 1 FROM latest_metrics WHERE run_id IN ({changed})"
    )
    some_were_rewound = past.select("SELECT count() FROM superseded")[0][0]
    for shown in _SHOWN.values() if some_were_rewound else (_SHOWN["points"],):
        past.run(
            f"INSERT INTO latest_metrics ({_LATEST_COLUMNS})"
            f" SELECT key, run_id, reinterpretAsFloat64(latest.3), latest.1, latest.2, {_FOUND}, 0 FROM"
            " (SELECT key, run_id, argMax((step, timestamp, reinterpretAsUInt64(value)),"
            f" (step, timestamp, {VALUE_ORDER})) AS latest"
            f" FROM {shown} AND run_id IN ({changed}) GROUP BY key, run_id)"
        )
