"""Training overview: what an experiment has done in the time range, and which of its runs are best."""

from __future__ import annotations

from fields import STATUS_COLOURS, Json, link, override, status
from layout import Row, dashboard, queried
from panels import bars, scatter, sql, stats, table, timeseries
from shared import DATASOURCE, EXPERIMENT, GOAL, LINK_COLUMNS, METRIC, RUN_LINK

_HERE = """experiment_id IN (${experiment:singlequote})
        AND lifecycle_stage = 'active'
        AND $__timeFilter(start_time)"""
_SCOPE = f"""SELECT run_id
    FROM v_runs
    WHERE {_HERE}
    ORDER BY start_time DESC
    LIMIT 100000"""
_PARAM = queried(
    "param",
    "Param",
    "Params of the experiment's newest 100 runs.",
    """
    SELECT DISTINCT arrayJoin(mapKeys(params)) AS name
    FROM (
        SELECT params
        FROM v_runs
        WHERE experiment_id IN (${experiment:singlequote})
        ORDER BY start_time DESC
        LIMIT 100
    )
    ORDER BY name
    """,
)
_RUNS = stats(
    "Runs",
    "By their status now.",
    sql(f"""
    SELECT
        count() AS Started,
        countIf(status = 'RUNNING') AS Running,
        countIf(status = 'FINISHED') AS Finished,
        countIf(status = 'FAILED') AS Failed,
        countIf(status = 'KILLED') AS Killed,
        quantile(0.5)(duration_seconds) AS "Median duration"
    FROM v_runs
    WHERE {_HERE}
    """),
    colours={"Running": "blue", "Finished": "green", "Failed": "red", "Killed": "orange"},
    overrides=[override("Median duration", unit="s")],
)
_BEST = stats(
    "Best ${metric}",
    "Over the latest values of the newest 100,000 runs.",
    sql(f"""
    SELECT ${{goal:raw}}(value) AS best
    FROM v_latest_metrics
    WHERE key = ${{metric:singlequote}} AND isFinite(value) AND run_id IN (
    {_SCOPE})
    """),
)
_STARTED = timeseries(
    "Runs started",
    "By status now.",
    sql(
        f"""
    SELECT $__timeInterval(start_time) AS time, status, count() AS Value
    FROM v_runs
    WHERE {_HERE}
    GROUP BY time, status
    ORDER BY time
    """,
        series=True,
    ),
    bars=True,
    colours=STATUS_COLOURS,
)
_DURATIONS = timeseries(
    "Duration of runs",
    "By when they ended.",
    sql(
        """
    SELECT
        $__timeInterval(assumeNotNull(end_time)) AS time,
        quantile(0.5)(assumeNotNull(duration_seconds)) AS median,
        quantile(0.95)(assumeNotNull(duration_seconds)) AS "95 %"
    FROM v_runs
    WHERE experiment_id IN (${experiment:singlequote})
        AND lifecycle_stage = 'active'
        AND end_time IS NOT NULL
        AND $__timeFilter(end_time)
    GROUP BY time
    ORDER BY time
    """,
        series=True,
    ),
    unit="s",
)
_PROGRESS = timeseries(
    "Progress of ${metric}",
    "The latest value of each run at the time of its start, of the newest 5,000; the line is the best.",
    sql(
        f"""
    SELECT
        r.start_time AS time,
        m.value AS value,
        ${{goal:raw}}(m.value) OVER (ORDER BY r.start_time ROWS UNBOUNDED PRECEDING) AS "best so far"
    FROM v_latest_metrics AS m
    INNER JOIN (
        SELECT run_id, start_time
        FROM v_runs
        WHERE {_HERE}
        ORDER BY start_time DESC
        LIMIT 5000
    ) AS r ON r.run_id = m.run_id
    WHERE m.key = ${{metric:singlequote}} AND isFinite(m.value)
    ORDER BY time
    """,
        series=True,
    ),
    overrides=[
        override("value", **{"custom.drawStyle": "points", "custom.pointSize": 5}),
        override(
            "best so far",
            color={"mode": "fixed", "fixedColor": "green"},
            **{"custom.lineInterpolation": "stepAfter", "custom.fillOpacity": 0},
        ),
    ],
)
_AGAINST = scatter(
    "${metric} against ${param}",
    "A point a run, of the newest 5,000 whose param is a number.",
    sql(f"""
    SELECT r.param AS x, m.value AS y, r.name AS run
    FROM v_latest_metrics AS m
    INNER JOIN (
        SELECT run_id, name, toFloat64OrNull(params[${{param:singlequote}}]) AS param
        FROM v_runs
        WHERE {_HERE}
            AND toFloat64OrNull(params[${{param:singlequote}}]) IS NOT NULL
        ORDER BY start_time DESC
        LIMIT 5000
    ) AS r ON r.run_id = m.run_id
    WHERE m.key = ${{metric:singlequote}} AND isFinite(m.value)
    """),
    x_label="${param}",
    y_label="${metric}",
)
_LEADERS = table(
    "Best runs",
    "By the latest value of ${metric}: the first 50. A name opens the run.",
    sql(f"""
    WITH leaders AS (
        SELECT run_id, value, step
        FROM v_latest_metrics
        WHERE key = ${{metric:singlequote}} AND isFinite(value) AND run_id IN (
        {_SCOPE})
        ORDER BY if(${{goal:singlequote}} = 'min', value, -value)
        LIMIT 50
    )
    SELECT
        r.name AS run, r.status AS status, l.value AS value, l.step AS step,
        r.duration_seconds AS duration, r.user_id AS user, r.start_time AS started,
        {LINK_COLUMNS}
    FROM leaders AS l
    INNER JOIN (
        SELECT run_id, experiment_id, name, status, duration_seconds, user_id, start_time, end_time
        FROM v_runs
        WHERE run_id IN (SELECT run_id FROM leaders)
    ) AS r ON r.run_id = l.run_id
    ORDER BY if(${{goal:singlequote}} = 'min', value, -value)
    """),
    overrides=[*RUN_LINK, status(), override("duration", unit="s")],
)
_FAILED = table(
    "Failed and killed runs",
    "The newest 50. A name opens the run.",
    sql(f"""
    SELECT
        r.name AS run, r.status AS status, r.end_time AS ended, r.duration_seconds AS duration,
        r.user_id AS user, {LINK_COLUMNS}
    FROM v_runs AS r
    WHERE r.experiment_id IN (${{experiment:singlequote}})
        AND r.lifecycle_stage = 'active'
        AND r.status IN ('FAILED', 'KILLED')
        AND $__timeFilter(r.start_time)
    ORDER BY r.start_time DESC
    LIMIT 50
    """),
    overrides=[*RUN_LINK, status(), override("duration", unit="s")],
)
_USERS = bars(
    "Runs by user",
    "The ten with the most.",
    sql(f"""
    SELECT if(user_id = '', 'unknown', user_id) AS user, count() AS runs
    FROM v_runs
    WHERE {_HERE}
    GROUP BY user
    ORDER BY runs DESC
    LIMIT 10
    """),
)
_TO_EXPERIMENT = (
    "/d/trackstream-training?var-datasource=${datasource}"
    "&var-experiment=${__data.fields.experiment_id}&${__url_time_range}"
)
_EXPERIMENTS = table(
    "All experiments",
    "The 100 whose runs started last in the time range. A name shows the experiment here.",
    sql("""
    SELECT
        e.name AS experiment, r.experiment_id AS experiment_id, r.runs AS runs, r.running AS running,
        r.failed AS failed, r.latest AS "last start"
    FROM (
        SELECT
            experiment_id, count() AS runs, countIf(status = 'RUNNING') AS running,
            countIf(status IN ('FAILED', 'KILLED')) AS failed, max(start_time) AS latest
        FROM v_runs
        WHERE lifecycle_stage = 'active' AND $__timeFilter(start_time)
        GROUP BY experiment_id
    ) AS r
    INNER JOIN (SELECT experiment_id, name FROM v_experiments) AS e ON e.experiment_id = r.experiment_id
    ORDER BY r.latest DESC
    LIMIT 100
    """),
    overrides=[
        override("experiment_id", **{"custom.hidden": True}),
        link("experiment", "Show the experiment", _TO_EXPERIMENT),
    ],
)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "trackstream-training",
        "Trackstream / Training overview",
        "What an experiment has done in the time range, and which of its runs are best.",
        (DATASOURCE, EXPERIMENT, METRIC, GOAL, _PARAM),
        (
            Row(
                "Runs that started in the time range",
                ((_RUNS, 18, 4), (_BEST, 6, 4), (_STARTED, 12, 8), (_DURATIONS, 12, 8)),
            ),
            Row("${metric}", ((_PROGRESS, 12, 9), (_AGAINST, 12, 9), (_LEADERS, 24, 10))),
            Row("Who and what", ((_FAILED, 10, 9), (_USERS, 5, 9), (_EXPERIMENTS, 9, 9))),
        ),
    )
