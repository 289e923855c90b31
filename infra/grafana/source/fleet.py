"""Fleet throughput and lag: all trainers, the projectors, the API and the queues of launches.

Rates and lag come from Prometheus; what runs, writers and launches said of themselves comes from the views.
"""

from __future__ import annotations

import rates
from fields import STATUS_COLOURS, Json
from layout import Row, dashboard, source
from panels import bars, sql, stats, table, timeseries
from shared import DATASOURCE

_SILENT = "state != 'closed' AND heartbeat_seconds > 0 AND last_seen < now64(3) - 3 * heartbeat_seconds"
_RUNS = stats(
    "Runs",
    "Those that run now, and what became of others in the time range.",
    sql("""
    SELECT
        countIf(status = 'RUNNING') AS Running,
        countIf($__timeFilter(start_time)) AS Started,
        countIf(status = 'FINISHED' AND $__timeFilter(end_time)) AS Finished,
        countIf(status IN ('FAILED', 'KILLED') AND $__timeFilter(end_time)) AS Failed
    FROM v_runs
    WHERE lifecycle_stage = 'active'
    """),
    colours={"Running": "blue", "Finished": "green", "Failed": "red"},
)
_WRITERS = stats(
    "Writers that reported in the time range",
    "Silent: three heartbeats did not come, and it did not say goodbye.",
    sql(f"""
    SELECT
        countIf(state != 'closed' AND NOT ({_SILENT})) AS alive,
        countIf({_SILENT}) AS silent,
        sum(lost_points) AS "points lost"
    FROM v_writer_reports
    WHERE $__timeFilter(last_seen)
    """),
    colours={"alive": "green", "silent": "orange", "points lost": "red"},
)
_OPEN = stats(
    "Given up",
    "Records that could not be projected, and nobody has said what becomes of them.",
    sql("SELECT countIf(resolution = 'open') AS \"dead letters\" FROM v_dead_letters"),
    colours={"dead letters": "red"},
)
_STARTED = timeseries(
    "Runs started",
    "By status now.",
    sql(
        """
    SELECT $__timeInterval(start_time) AS time, status, count() AS Value
    FROM v_runs
    WHERE lifecycle_stage = 'active' AND $__timeFilter(start_time)
    GROUP BY time, status
    ORDER BY time
    """,
        series=True,
    ),
    bars=True,
    colours=STATUS_COLOURS,
)
_SENT = timeseries(
    "Points of writers",
    "All that a writer has sent, at the time of its last report.",
    sql(
        """
    SELECT $__timeInterval(last_seen) AS time, sum(sent_points) AS points
    FROM v_writer_reports
    WHERE $__timeFilter(last_seen)
    GROUP BY time
    ORDER BY time
    """,
        series=True,
    ),
    bars=True,
)
_BUSIEST = table(
    "Busiest writers",
    "The 50 with the most points, of those that reported in the time range.",
    sql("""
    WITH busiest AS (
        SELECT run_id, writer, state, sent_points, lost_points, started_at, last_seen
        FROM v_writer_reports
        WHERE $__timeFilter(last_seen)
        ORDER BY sent_points DESC
        LIMIT 50
    )
    SELECT
        r.name AS run, if(w.writer = '', 'the only one', w.writer) AS name, w.state AS state,
        w.sent_points AS points,
        w.sent_points / greatest(1, dateDiff('second', w.started_at, w.last_seen)) AS "points/s",
        w.lost_points AS lost, w.last_seen AS "last seen"
    FROM busiest AS w
    INNER JOIN (
        SELECT run_id, name
        FROM v_runs
        WHERE run_id IN (SELECT run_id FROM busiest)
    ) AS r ON r.run_id = w.run_id
    ORDER BY points DESC
    """),
)
_BY_EXPERIMENT = bars(
    "Runs by experiment",
    "The 15 with the most in the time range.",
    sql("""
    SELECT e.name AS experiment, r.runs AS runs
    FROM (
        SELECT experiment_id, count() AS runs
        FROM v_runs
        WHERE lifecycle_stage = 'active' AND $__timeFilter(start_time)
        GROUP BY experiment_id
        ORDER BY runs DESC
        LIMIT 15
    ) AS r
    INNER JOIN (SELECT experiment_id, name FROM v_experiments) AS e ON e.experiment_id = r.experiment_id
    ORDER BY runs DESC
    """),
)
_POSITIONS = table(
    "Positions",
    "How far each projector has come.",
    sql("""
    SELECT projector, topic, partition, next_offset AS "next offset"
    FROM v_positions
    ORDER BY projector, topic, partition
    LIMIT 1000
    """),
)
_DEAD_LETTERS = table(
    "Dead letters",
    "Open ones first: the first 200.",
    sql("""
    SELECT
        occurred_at AS at, resolution, projector, topic, partition, offset, key AS entity,
        error_type AS error, error_message AS message, reason
    FROM v_dead_letters
    ORDER BY resolution = 'open' DESC, occurred_at DESC
    LIMIT 200
    """),
)
_LAUNCH_STATES = bars(
    "By state",
    "As it is now.",
    sql("""
    SELECT state, count() AS launches
    FROM v_launches
    WHERE $__timeFilter(requested_at)
    GROUP BY state
    ORDER BY launches DESC
    """),
)
_LAUNCHES = table(
    "Launches",
    "The newest 200.",
    sql("""
    SELECT
        if(project = '', uri, project) AS name, entry_point AS "entry point", state, queue, backend, host,
        attempts, exit_code AS "exit code", reason, user_id AS user, requested_at AS requested,
        duration_seconds AS seconds
    FROM v_launches
    WHERE $__timeFilter(requested_at)
    ORDER BY requested_at DESC
    LIMIT 200
    """),
)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "trackstream-fleet",
        "Trackstream / Fleet throughput and lag",
        "All trainers, the projectors, the API and the queues of launches.",
        (DATASOURCE, source("prometheus", "prometheus", "Prometheus")),
        (
            Row("Now", ((_RUNS, 10, 4), (_WRITERS, 9, 4), (_OPEN, 5, 4))),
            Row(
                "Throughput",
                (
                    (rates.POINTS, 12, 8),
                    (rates.RECORDS, 12, 8),
                    (_STARTED, 12, 8),
                    (_SENT, 12, 8),
                    (_BUSIEST, 16, 9),
                    (_BY_EXPERIMENT, 8, 9),
                ),
            ),
            Row(
                "Lag",
                (
                    (rates.LAG, 8, 8),
                    (rates.BEHIND, 8, 8),
                    (rates.FLUSHES, 8, 8),
                    (_POSITIONS, 8, 9),
                    (_DEAD_LETTERS, 16, 9),
                ),
            ),
            Row("API", ((rates.REQUESTS, 8, 8), (rates.ANSWERS, 8, 8), (rates.ERRORS, 8, 8))),
            Row("Launches asked for in the time range", ((_LAUNCH_STATES, 6, 9), (_LAUNCHES, 18, 9))),
        ),
        since="now-6h",
        refresh="30s",
    )
