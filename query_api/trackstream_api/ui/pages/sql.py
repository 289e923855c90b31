"""SQL over the views: an editor, results, a quick chart."""

from __future__ import annotations

from nicegui import ui

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.sql_workbench import SqlWorkbench
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of

EXAMPLES = (
    {
        "title": "The newest runs",
        "query": "SELECT name, status, start_time, duration_seconds, run_id\nFROM v_runs\n"
        "ORDER BY start_time DESC\nLIMIT 100",
    },
    {
        "title": "Runs and their time by experiment",
        "query": "SELECT e.name AS experiment, count() AS runs, sum(r.duration_seconds) / 3600 AS hours\n"
        "FROM v_runs AS r\nJOIN v_experiments AS e USING experiment_id\n"
        "GROUP BY experiment\nORDER BY runs DESC",
    },
    {
        "title": "The best run of each experiment",
        "query": "SELECT e.name AS experiment, argMin(r.name, m.value) AS best_run,\n"
        "    min(m.value) AS val_loss\n"
        "FROM v_latest_metrics AS m\nJOIN v_runs AS r USING run_id\n"
        "JOIN v_experiments AS e USING experiment_id\nWHERE m.key = 'val_loss'\n"
        "GROUP BY experiment\nORDER BY val_loss",
    },
    {
        "title": "A metric's course, run by run",
        "query": "SELECT m.step, m.value, r.name\nFROM v_metrics AS m\nJOIN v_runs AS r USING run_id\n"
        "WHERE m.key = 'val_loss'\nORDER BY r.name, m.step\nLIMIT 5000",
    },
    {
        "title": "Which param values do best",
        "query": "SELECT p.value AS lr, count() AS runs, avg(m.value) AS mean_loss,\n"
        "    min(m.value) AS best_loss\n"
        "FROM v_params AS p\nJOIN v_latest_metrics AS m USING run_id\n"
        "WHERE p.key = 'lr' AND m.key = 'val_loss'\nGROUP BY lr\nORDER BY mean_loss",
    },
    {
        "title": "What was logged, minute by minute",
        "query": "SELECT toStartOfMinute(occurred_at) AS minute, count() AS events, topic\nFROM v_events\n"
        "GROUP BY minute, topic\nORDER BY minute",
    },
    {
        "title": "Registered versions",
        "query": "SELECT name, version, stage, aliases, run_id, created_at\nFROM v_model_versions\n"
        "ORDER BY created_at DESC",
    },
    {
        "title": "How launches end",
        "query": "SELECT state, count() AS launches, avg(duration_seconds) AS seconds\nFROM v_launches\n"
        "GROUP BY state\nORDER BY launches DESC",
    },
)


@page("/sql", "sql", "SQL")
async def sql() -> None:
    """The workbench; its query is in the address (`?query=…`)."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("sql.css")}">')
    views = (await api().get("/sql/views"))["views"]
    if as_of() is not None:
        words = "SQL always reads the present: the moment that the other pages show is not for it."
        tag("p", words, "ts-sql-past", role="note")
    SqlWorkbench(views, EXAMPLES)
