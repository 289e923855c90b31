"""Compare: one metric of several runs, and in what the runs differ."""

from __future__ import annotations

from fields import Json, matrix, override, status
from layout import Row, dashboard, queried
from panels import bars, curves, sql, table
from shared import DATASOURCE, EXPERIMENT, LINK_COLUMNS, METRIC, RUN_LINK

_RUNS = queried(
    "runs",
    "Runs",
    "The experiment's newest 500 runs of the time range.",
    """
    SELECT run_id, concat(name, ' · ', right(run_id, 6)) AS label
    FROM v_runs
    WHERE experiment_id IN (${experiment:singlequote})
        AND lifecycle_stage = 'active'
        AND $__timeFilter(start_time)
    ORDER BY start_time DESC
    LIMIT 500
    """,
    multi=True,
)
_THESE = "run_id IN (${runs:singlequote})"
_LABELLED = f"""SELECT
            run_id, experiment_id, concat(name, ' · ', right(run_id, 6)) AS run, status, params,
            start_time, end_time, duration_seconds
        FROM v_runs
        WHERE {_THESE}"""
_STEPS = f"""greatest(1, intDiv((
                SELECT max(step) FROM v_latest_metrics
                WHERE key = ${{metric:singlequote}} AND {_THESE}
            ), 1000))"""
_SECONDS = f"""greatest(1, intDiv((
                SELECT max(dateDiff('second', start_time, ifNull(end_time, now64(3)))) FROM v_runs
                WHERE {_THESE}
            ), 1000))"""
_BY_STEP = curves(
    "By step",
    "Means over stretches of steps, at most about 1,000 a run.",
    sql(f"""
    SELECT m.bucket AS step, r.run AS run, m.mean AS Value
    FROM (
        SELECT run_id, intDiv(step, {_STEPS}) * {_STEPS} AS bucket, avg(value) AS mean
        FROM v_metrics
        WHERE {_THESE} AND key = ${{metric:singlequote}} AND isFinite(value)
        GROUP BY run_id, bucket
    ) AS m
    INNER JOIN (
        {_LABELLED}
    ) AS r ON r.run_id = m.run_id
    ORDER BY step, run
    LIMIT 100000
    """),
    x="step",
    by="run",
    y_label="${metric}",
)
_BY_TIME = curves(
    "By time since the start",
    "Means over stretches of time, at most about 1,000 a run.",
    sql(f"""
    SELECT
        intDiv(dateDiff('second', r.start_time, m.timestamp), {_SECONDS}) * {_SECONDS} AS seconds,
        r.run AS run,
        avg(m.value) AS Value
    FROM (
        SELECT run_id, timestamp, value
        FROM v_metrics
        WHERE {_THESE} AND key = ${{metric:singlequote}} AND isFinite(value)
    ) AS m
    INNER JOIN (
        {_LABELLED}
    ) AS r ON r.run_id = m.run_id
    GROUP BY seconds, run
    ORDER BY seconds, run
    LIMIT 100000
    """),
    x="seconds",
    by="run",
    x_unit="s",
    y_label="${metric}",
)
_LATEST = bars(
    "Latest ${metric}",
    "Values that are finite.",
    sql(f"""
    SELECT r.run AS run, m.value AS value
    FROM v_latest_metrics AS m
    INNER JOIN (
        {_LABELLED}
    ) AS r ON r.run_id = m.run_id
    WHERE m.{_THESE} AND m.key = ${{metric:singlequote}} AND isFinite(m.value)
    ORDER BY value DESC
    """),
)
_SUMMARY = table(
    "Summary",
    "Of all points of ${metric}. A name opens the run.",
    sql(f"""
    SELECT
        r.run AS run, r.status AS status, r.start_time AS started, r.duration_seconds AS duration,
        m.points AS points, m.lowest AS lowest, m.highest AS highest, m.latest AS latest,
        m.last_step AS "last step", {LINK_COLUMNS}
    FROM (
        {_LABELLED}
    ) AS r
    LEFT JOIN (
        SELECT
            run_id, count() AS points, min(value) AS lowest, max(value) AS highest,
            argMax(value, tuple(step, timestamp)) AS latest, max(step) AS last_step
        FROM v_metrics
        WHERE {_THESE} AND key = ${{metric:singlequote}}
        GROUP BY run_id
    ) AS m ON m.run_id = r.run_id
    ORDER BY run
    """),
    overrides=[*RUN_LINK, status(), override("duration", unit="s")],
)
_DIFFERENT = table(
    "Params that differ",
    "A row a param, a column a run; params that are the same in all of them are left out.",
    sql(f"""
    WITH pairs AS (
        SELECT run_id, run, arrayJoin(mapKeys(params)) AS param, params[param] AS value
        FROM (
        {_LABELLED}
        )
    )
    SELECT param, run, value
    FROM pairs
    WHERE param IN (
        SELECT param
        FROM pairs
        GROUP BY param
        HAVING uniqExact(value) > 1 OR count() < (SELECT count() FROM v_runs WHERE {_THESE})
    )
    ORDER BY param, run
    """),
    transformations=[matrix(row="param", column="run")],
)
_ALL_METRICS = table(
    "Latest values of all metrics",
    "A row a metric, a column a run.",
    sql(f"""
    SELECT m.key AS metric, r.run AS run, m.value AS value
    FROM v_latest_metrics AS m
    INNER JOIN (
        {_LABELLED}
    ) AS r ON r.run_id = m.run_id
    WHERE m.{_THESE} AND NOT startsWith(m.key, 'system/')
    ORDER BY metric, run
    LIMIT 10000
    """),
    transformations=[matrix(row="metric", column="run")],
)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "trackstream-compare",
        "Trackstream / Compare runs",
        "One metric of several runs, and in what the runs differ.",
        (DATASOURCE, EXPERIMENT, _RUNS, METRIC),
        (
            Row("${metric}", ((_BY_STEP, 12, 12), (_BY_TIME, 12, 12), (_LATEST, 8, 9), (_SUMMARY, 16, 9))),
            Row("Differences", ((_DIFFERENT, 12, 10), (_ALL_METRICS, 12, 10))),
        ),
        since="now-30d",
    )
