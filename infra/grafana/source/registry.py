"""Registry activity: models, their versions, who moved what, and whether versions get better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layout import Row, dashboard, queried
from panels import bars, curves, sql, stats, table, timeseries
from shared import DATASOURCE, LINK_COLUMNS, RUN_LINK

if TYPE_CHECKING:
    from fields import Json

_MODEL = queried(
    "model",
    "Models",
    "Registered models by name, the first 1,000.",
    "SELECT name FROM v_models ORDER BY name LIMIT 1000",
    multi=True,
    everything=True,
)
_METRIC = queried(
    "metric",
    "Metric",
    "Metrics of the runs that made the newest 100 versions.",
    """
    SELECT DISTINCT key
    FROM v_latest_metrics
    WHERE run_id IN (
            SELECT run_id FROM v_model_versions
            WHERE name IN (${model:singlequote}) AND run_id != ''
            ORDER BY created_at DESC
            LIMIT 100
        )
        AND NOT startsWith(key, 'system/')
    ORDER BY key
    """,
)
_FIGURES = stats(
    "Versions",
    "New ones: registered in the time range.",
    sql("""
    SELECT
        uniqExact(name) AS Models,
        count() AS Versions,
        countIf($__timeFilter(created_at)) AS "New versions",
        countIf(stage = 'Production') AS "In production",
        countIf(notEmpty(aliases)) AS "With an alias"
    FROM v_model_versions
    WHERE name IN (${model:singlequote})
    """),
    colours={"In production": "green"},
)
_REGISTERED = timeseries(
    "Versions registered",
    "By model.",
    sql(
        """
    SELECT $__timeInterval(created_at) AS time, name, count() AS Value
    FROM v_model_versions
    WHERE name IN (${model:singlequote}) AND $__timeFilter(created_at)
    GROUP BY time, name
    ORDER BY time
    """,
        series=True,
    ),
    bars=True,
)
_QUALITY = curves(
    "${metric} by version",
    "The latest value of the run that made the version, of the newest 1,000 versions.",
    sql("""
    WITH made AS (
        SELECT name, version AS number, run_id
        FROM v_model_versions
        WHERE name IN (${model:singlequote}) AND run_id != ''
        ORDER BY created_at DESC
        LIMIT 1000
    )
    SELECT v.number AS version, v.name AS model, m.value AS Value
    FROM made AS v
    INNER JOIN (
        SELECT run_id, value
        FROM v_latest_metrics
        WHERE key = ${metric:singlequote} AND isFinite(value) AND run_id IN (SELECT run_id FROM made)
    ) AS m ON m.run_id = v.run_id
    ORDER BY version, model
    """),
    x="version",
    by="model",
    y_label="${metric}",
)
_PER_MODEL = bars(
    "Versions by model",
    "The 20 with the most.",
    sql("""
    SELECT name AS model, count() AS versions
    FROM v_model_versions
    WHERE name IN (${model:singlequote})
    GROUP BY model
    ORDER BY versions DESC
    LIMIT 20
    """),
)
_MODELS = table(
    "Models",
    "The 500 that were changed last.",
    sql("""
    SELECT
        m.name AS model, m.description AS about, v.versions AS versions, v.latest AS "latest version",
        arrayStringConcat(arrayMap((alias, number) -> concat(alias, ' → ', toString(number)),
            mapKeys(m.aliases), mapValues(m.aliases)), ', ') AS pointers,
        m.created_at AS created, m.updated_at AS changed
    FROM v_models AS m
    LEFT JOIN (
        SELECT registered_model_id, count() AS versions, max(version) AS latest
        FROM v_model_versions
        GROUP BY registered_model_id
    ) AS v ON v.registered_model_id = m.registered_model_id
    WHERE m.name IN (${model:singlequote})
    ORDER BY changed DESC
    LIMIT 500
    """),
)
_VERSIONS = table(
    "Versions",
    "The newest 200. A run's name opens it.",
    sql(f"""
    WITH newest AS (
        SELECT name, version, stage, aliases, user_id, description, created_at, run_id
        FROM v_model_versions
        WHERE name IN (${{model:singlequote}})
        ORDER BY created_at DESC
        LIMIT 200
    )
    SELECT
        v.name AS model, v.version AS number, v.stage AS stage,
        arrayStringConcat(v.aliases, ', ') AS pointers, r.name AS run, v.user_id AS user,
        v.description AS about, v.created_at AS registered,
        {LINK_COLUMNS}
    FROM newest AS v
    LEFT JOIN (
        SELECT run_id, experiment_id, name, start_time, end_time
        FROM v_runs
        WHERE run_id IN (SELECT run_id FROM newest)
    ) AS r ON r.run_id = v.run_id
    ORDER BY registered DESC
    """),
    overrides=RUN_LINK,
)
_KINDS = timeseries(
    "Events",
    "Of the registry, by kind.",
    sql(
        """
    SELECT $__timeInterval(occurred_at) AS time, event_type, count() AS Value
    FROM v_events
    WHERE topic = 'trackstream.registry' AND $__timeFilter(occurred_at)
    GROUP BY time, event_type
    ORDER BY time
    """,
        series=True,
    ),
    bars=True,
)
_HISTORY = table(
    "History",
    "The newest 500 events.",
    sql("""
    WITH newest AS (
        SELECT entity_id, occurred_at, event_type, actor, payload
        FROM v_events
        WHERE topic = 'trackstream.registry' AND $__timeFilter(occurred_at)
        ORDER BY occurred_at DESC
        LIMIT 500
    )
    SELECT
        m.name AS model, e.occurred_at AS at, e.event_type AS event, e.actor AS who, e.payload AS body
    FROM newest AS e
    LEFT JOIN (SELECT registered_model_id, name FROM v_models) AS m ON m.registered_model_id = e.entity_id
    ORDER BY at DESC
    """),
)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "trackstream-registry",
        "Trackstream / Registry activity",
        "Registered models and their versions: who moved what, and whether versions get better.",
        (DATASOURCE, _MODEL, _METRIC),
        (
            Row("Registry", ((_FIGURES, 24, 4), (_REGISTERED, 9, 9), (_QUALITY, 9, 9), (_PER_MODEL, 6, 9))),
            Row("Models and versions", ((_MODELS, 10, 10), (_VERSIONS, 14, 10))),
            Row("What was done in the time range", ((_KINDS, 9, 9), (_HISTORY, 15, 9))),
        ),
        since="now-30d",
    )
