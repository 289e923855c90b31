"""Metric points, the latest value of each metric, and what writers report: the hot path.

A batch of records becomes one Arrow table and one insert for each table. All are safe under repetition by
their keys alone (a point by its identity, a latest value by its rank), so nothing is loaded first; except
for runs that were rewound, where what the newest branch shows is read once and kept.

The order of the inserts is what makes a kill harmless, and what keeps readers from seeing two branches at
once: first the facts that decide the branches, then what follows from them for readers, the points (first as
charts read them, so that these never have gaps), the latest values, and the positions last of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_consumers import store
from trackstream_consumers.errors import DeadLetter
from trackstream_consumers.metric_rows import metric_rows
from trackstream_consumers.projectors.rewound_runs import RewoundRuns
from trackstream_consumers.writer_rows import check_report, event_rows, report_rows, rewind_rows
from trackstream_schemas import events as e
from trackstream_schemas import topics
from trackstream_schemas.errors import MalformedEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trackstream_consumers.engine import Engine
    from trackstream_consumers.records import Record
    from trackstream_schemas.position import TopicPartition


class MetricProjector:
    """Appends points and forgets none."""

    name = "metrics"
    topics = (topics.METRICS,)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rewound = RewoundRuns(engine)

    def positions(self) -> dict[TopicPartition, int]:
        self._rewound.forget()
        return store.positions(self._engine, self.name)

    def keep_only(self, partitions: Collection[TopicPartition]) -> None:
        # Another process may have rewound runs of a partition that comes to this one.
        self._rewound.forget()

    def apply(self, records: Sequence[Record], reached: Mapping[TopicPartition, int]) -> int:
        for record in records:
            _check(record)
        batches = [record for record in records if isinstance(record.event.body, e.MetricsLogged)]
        going_back = [record for record in records if isinstance(record.event.body, e.RunRewound)]
        store.insert(self._engine, "metric_events", event_rows(records))
        if len(batches) < len(records):
            store.insert(self._engine, "writer_reports", report_rows(records))
            store.insert(self._engine, "rewinds", rewind_rows(going_back))
        rewound = list(dict.fromkeys(record.key for record in going_back))
        self._rewound.take(rewound)
        self._rewound.load({record.key for record in records})
        store.insert(self._engine, "superseded", self._rewound.superseded(rewound))
        made = metric_rows(batches, self._rewound.newest_branch)
        store.insert(self._engine, "metric_rollups", made.rollups)
        store.insert(self._engine, "metric_points", made.points)
        store.insert(self._engine, "latest_metrics", made.latest)
        begun = (record.key for record in going_back if self._rewound.begins_branch(record))
        for run_id in dict.fromkeys(begun):
            for rows in self._rewound.latest(run_id):
                store.insert(self._engine, "latest_metrics", rows)
        store.save_positions(self._engine, self.name, reached)
        return int(made.points.num_rows)


def _check(record: Record) -> None:
    body = record.event.body
    if isinstance(body, e.WriterReported):
        try:
            check_report(body)
        except MalformedEvent as wrong:
            raise DeadLetter(record.position, wrong) from wrong
    elif not isinstance(body, e.MetricsLogged | e.RunRewound):
        error = MalformedEvent("event", type(body).__name__, "MetricsLogged, WriterReported or RunRewound")
        raise DeadLetter(record.position, error)
