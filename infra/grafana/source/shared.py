"""What several dashboards ask with and link to."""

from __future__ import annotations

from fields import link, override
from layout import choice, queried, source

DATASOURCE = source("datasource", "grafana-clickhouse-datasource", "ClickHouse")
EXPERIMENT = queried(
    "experiment",
    "Experiment",
    "The 1,000 experiments that were changed last.",
    """
    SELECT experiment_id, name
    FROM v_experiments
    WHERE lifecycle_stage = 'active'
    ORDER BY updated_at DESC
    LIMIT 1000
    """,
)
METRIC = queried(
    "metric",
    "Metric",
    "Metrics of the experiment's newest 100 runs, without those of the system.",
    """
    SELECT DISTINCT key
    FROM v_latest_metrics
    WHERE run_id IN (
            SELECT run_id FROM v_runs
            WHERE experiment_id IN (${experiment:singlequote})
            ORDER BY start_time DESC
            LIMIT 100
        )
        AND NOT startsWith(key, 'system/')
    ORDER BY key
    """,
)
GOAL = choice(
    "goal", "Best is", "Whether a low or a high value is a good one.", {"lowest": "min", "highest": "max"}
)

_TIME = "from=${__data.fields.from_ms.numeric}&to=${__data.fields.to_ms.numeric}"
_RUN_URL = (
    "/d/trackstream-run?var-datasource=${datasource}&var-experiment=${__data.fields.experiment_id}"
    f"&var-run=${{__data.fields.run_id}}&{_TIME}"
)
LINK_COLUMNS = """r.run_id AS run_id, r.experiment_id AS experiment_id,
        toUnixTimestamp64Milli(r.start_time) - 60000 AS from_ms,
        toUnixTimestamp64Milli(ifNull(r.end_time, now64(3))) + 60000 AS to_ms"""
"""Columns that RUN_LINK reads, of v_runs as r."""
RUN_LINK = (
    link("run", "Open the run", _RUN_URL),
    *(override(name, **{"custom.hidden": True}) for name in ("run_id", "experiment_id", "from_ms", "to_ms")),
)
"""Overrides that make the column `run` open a run over its own time, and hide what only the link reads."""
