"""Run detail: one run's state, curves, params, files, writers and history."""

from __future__ import annotations

from fields import Json, completeness, override, status
from layout import Row, dashboard, queried
from panels import curves, sql, stats, table, timeseries
from shared import DATASOURCE, EXPERIMENT

_RUN = queried(
    "run",
    "Run",
    "The experiment's newest 500 runs; links from other dashboards open any.",
    """
    SELECT run_id, concat(name, ' · ', right(run_id, 6)) AS label
    FROM v_runs
    WHERE experiment_id IN (${experiment:singlequote}) AND lifecycle_stage = 'active'
    ORDER BY start_time DESC
    LIMIT 500
    """,
)
_METRICS = queried(
    "metric",
    "Metrics",
    "Metrics of the run, without those of the system.",
    """
    SELECT DISTINCT key
    FROM v_latest_metrics
    WHERE run_id = ${run:singlequote} AND NOT startsWith(key, 'system/')
    ORDER BY key
    """,
    multi=True,
    everything=True,
)
_OF_THE_RUN = sql("""
    SELECT
        status, start_time AS started,
        dateDiff('second', start_time, ifNull(end_time, now64(3))) AS duration
    FROM v_runs
    WHERE run_id = ${run:singlequote}
    """)
_STATUS = stats(
    "Status", "As it was said last.", _OF_THE_RUN, fields="/^status$/", overrides=[status(cell=False)]
)
_STARTED = stats(
    "Started", "By the trainer's clock.", _OF_THE_RUN, unit="dateTimeAsIso", fields="/^started$/"
)
_DURATION = stats("Duration", "Until now, while it runs.", _OF_THE_RUN, unit="s", fields="/^duration$/")
_PROOF = sql("""
    SELECT completeness, writers, sent_points AS "points sent", projected_points AS "points here"
    FROM v_completeness
    WHERE run_id = ${run:singlequote}
    """)
_COMPLETE = stats(
    "Completeness",
    "Whether all that its writers say they sent is here: the worst of them.",
    _PROOF,
    fields="/^completeness$/",
    overrides=[completeness(cell=False)],
)
_SENT = stats(
    "Points",
    "What its writers say that they sent, and what of that is here.",
    _PROOF,
    fields="/^(writers|points)/",
)
_WIDTH = """greatest(1, intDiv((
                SELECT max(step) FROM v_latest_metrics
                WHERE run_id = ${run:singlequote} AND key IN (${metric:singlequote})
            ), 1000))"""
_CURVES = curves(
    "By step",
    "Means over stretches of steps, at most about 1,000 a metric; values that are not finite are left out.",
    sql(f"""
    SELECT bucket AS step, key, mean AS Value
    FROM (
        SELECT key, intDiv(step, {_WIDTH}) * {_WIDTH} AS bucket, avg(value) AS mean
        FROM v_metrics
        WHERE run_id = ${{run:singlequote}} AND key IN (${{metric:singlequote}}) AND isFinite(value)
        GROUP BY key, bucket
    )
    ORDER BY step, key
    LIMIT 100000
    """),
    x="step",
    by="key",
)
_LATEST = table(
    "Latest values",
    "At the highest step.",
    sql("""
    SELECT key AS metric, value, step, timestamp AS measured
    FROM v_latest_metrics
    WHERE run_id = ${run:singlequote}
    ORDER BY key
    LIMIT 1000
    """),
)
_OVER_TIME = timeseries(
    "Over time",
    "Means, in the time range.",
    sql(
        """
    SELECT $__timeInterval(timestamp) AS time, key, avg(value) AS Value
    FROM v_metrics
    WHERE run_id = ${run:singlequote}
        AND key IN (${metric:singlequote})
        AND isFinite(value)
        AND $__timeFilter(timestamp)
    GROUP BY time, key
    ORDER BY time
    """,
        series=True,
    ),
    calcs=("lastNotNull",),
)
_SYSTEM = timeseries(
    "System metrics",
    "What the run measured of its machine, in the time range.",
    sql(
        """
    SELECT $__timeInterval(timestamp) AS time, substring(key, 8) AS name, avg(value) AS Value
    FROM v_metrics
    WHERE run_id = ${run:singlequote}
        AND startsWith(key, 'system/')
        AND isFinite(value)
        AND $__timeFilter(timestamp)
    GROUP BY time, name
    ORDER BY time
    """,
        series=True,
    ),
    calcs=("mean", "max"),
)
_PARAMS = table(
    "Params",
    "The first value logged stands.",
    sql("""
    SELECT arrayJoin(arraySort(mapKeys(params))) AS param, params[param] AS value
    FROM v_runs
    WHERE run_id = ${run:singlequote}
    """),
)
_TAGS = table(
    "Tags",
    "The last value set stands.",
    sql("""
    SELECT arrayJoin(arraySort(mapKeys(tags))) AS tag, tags[tag] AS value
    FROM v_runs
    WHERE run_id = ${run:singlequote}
    """),
)
_FILES = table(
    "Files",
    "The first 1,000 by path.",
    sql("""
    SELECT path, size, content_type AS type, logged_at AS logged, sha256
    FROM v_artifacts
    WHERE run_id = ${run:singlequote}
    ORDER BY path
    LIMIT 1000
    """),
    overrides=[override("size", unit="bytes")],
)
_WRITERS = table(
    "Writers",
    "What each said in its last report, and what of that is here.",
    sql("""
    SELECT
        if(writer = '', 'the only one', writer) AS name, completeness, state, started_at AS started,
        last_seen AS "last seen", sent_points AS "points sent", projected_points AS "points here",
        lost_points AS "points lost", lost_events AS "events lost"
    FROM v_writers
    WHERE run_id = ${run:singlequote}
    ORDER BY name, started
    LIMIT 1000
    """),
    overrides=[completeness()],
)
_HISTORY = table(
    "History",
    "The newest 500 events, as they stand on the log.",
    sql("""
    SELECT occurred_at AS at, event_type AS event, actor, partition, offset, payload
    FROM v_events
    WHERE topic IN ('trackstream.runs', 'trackstream.artifacts') AND entity_id = ${run:singlequote}
    ORDER BY occurred_at DESC, offset DESC
    LIMIT 500
    """),
)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "trackstream-run",
        "Trackstream / Run detail",
        "One run: its state, curves, params, files, writers and history.",
        (DATASOURCE, EXPERIMENT, _RUN, _METRICS),
        (
            Row(
                "Run",
                ((_STATUS, 4, 4), (_COMPLETE, 4, 4), (_STARTED, 5, 4), (_DURATION, 4, 4), (_SENT, 7, 4)),
            ),
            Row("Metrics", ((_CURVES, 14, 11), (_LATEST, 10, 11), (_OVER_TIME, 12, 9), (_SYSTEM, 12, 9))),
            Row(
                "What it was made of, and what it made",
                ((_PARAMS, 8, 9), (_TAGS, 8, 9), (_FILES, 8, 9)),
            ),
            Row("How it came here", ((_WRITERS, 24, 6), (_HISTORY, 24, 10))),
        ),
    )
