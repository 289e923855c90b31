"""Parts of Grafana dashboards as plain JSON: queries and panels.

A panel comes without id and place; `layout` gives it both. Sources: Grafana's dashboard JSON model and the
README of its ClickHouse plugin.
"""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

from fields import Json, coloured, override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLICKHOUSE: Json = {"type": "grafana-clickhouse-datasource", "uid": "${datasource}"}
PROMETHEUS: Json = {"type": "prometheus", "uid": "${prometheus}"}
_PLAIN: Json = {
    "color": {"mode": "thresholds"},
    "thresholds": {"mode": "absolute", "steps": [{"color": "text", "value": None}]},
}
"""Without thresholds of ours Grafana makes all above 80 red."""
_PALETTE: Json = {"color": {"mode": "palette-classic"}}
PLUGIN_VERSION = "4.3.2"
"""Of the ClickHouse plugin: what compose.yaml installs."""


def sql(text: str, *, series: bool = False) -> Json:
    """Return a query in SQL. With `series` its first column is `time`, and texts become labels of values."""
    return {
        "refId": "A",
        "datasource": CLICKHOUSE,
        "pluginVersion": PLUGIN_VERSION,
        "editorType": "sql",
        "queryType": "timeseries" if series else "table",
        "format": 0 if series else 1,
        "rawSql": cleandoc(text),
    }


def promql(expression: str, legend: str) -> Json:
    """Return a query in PromQL over the time range."""
    return {
        "refId": "A",
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": expression,
        "legendFormat": legend,
        "range": True,
    }


def panel(
    kind: str,
    title: str,
    about: str,
    *targets: Json,
    defaults: Json | None = None,
    custom: Json | None = None,
    overrides: Sequence[Json] = (),
    options: Json | None = None,
    transformations: Sequence[Json] = (),
) -> Json:
    """Return a panel of any type; `about` is what its information sign shows."""
    made: Json = {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": targets[0]["datasource"],
        "targets": list(targets),
        "fieldConfig": {
            "defaults": {**_PLAIN, **(defaults or {}), "custom": custom or {}},
            "overrides": list(overrides),
        },
        "options": options or {},
    }
    if transformations:
        made["transformations"] = list(transformations)
    return made


def timeseries(
    title: str,
    about: str,
    *targets: Json,
    unit: str = "short",
    bars: bool = False,
    calcs: Sequence[str] = (),
    colours: Mapping[str, str] | None = None,
    overrides: Sequence[Json] = (),
) -> Json:
    """Return values over time: lines, or stacked bars."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1 if bars else 2,
        "fillOpacity": 80 if bars else 8,
        "showPoints": "never" if bars else "auto",
        "spanNulls": not bars,
        "stacking": {"mode": "normal" if bars else "none", "group": "A"},
    }
    return panel(
        "timeseries",
        title,
        about,
        *targets,
        defaults={**_PALETTE, "unit": unit, **({"min": 0} if bars else {})},
        custom=custom,
        overrides=[*coloured(colours or {}), *overrides],
        options=_chart_options(calcs),
    )


def curves(
    title: str, about: str, target: Json, *, x: str, by: str, x_unit: str = "short", y_label: str = ""
) -> Json:
    """Return a line for each value of the column `by`: the column Value over the column `x`."""
    return panel(
        "trend",
        title,
        about,
        target,
        defaults={**_PALETTE, "unit": "short"},
        custom={
            "drawStyle": "line",
            "lineWidth": 2,
            "fillOpacity": 0,
            "showPoints": "auto",
            "spanNulls": True,
            "axisLabel": y_label,
        },
        overrides=[override(x, unit=x_unit)],
        options={"xField": x, **_chart_options(("lastNotNull", "min", "max"))},
        transformations=[
            {
                "id": "partitionByValues",
                "options": {"fields": [by], "keepFields": False, "naming": {"asLabels": True}},
            },
            {"id": "joinByField", "options": {"byField": x, "mode": "outer"}},
        ],
    )


def scatter(title: str, about: str, target: Json, *, x_label: str, y_label: str) -> Json:
    """Return a point for each row: its first numeric column is x, the second y."""
    return panel(
        "xychart",
        title,
        about,
        target,
        defaults=_PALETTE,
        custom={"show": "points", "pointSize": {"fixed": 6}, "fillOpacity": 60},
        overrides=[
            override("x", displayName=x_label, **{"custom.axisLabel": x_label}),
            override("y", displayName=y_label, **{"custom.axisLabel": y_label}),
        ],
        options={
            "mapping": "auto",
            "series": [],
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def stats(
    title: str,
    about: str,
    target: Json,
    *,
    unit: str = "short",
    fields: str = "",
    colours: Mapping[str, str] | None = None,
    overrides: Sequence[Json] = (),
) -> Json:
    """Return one large figure for each numeric column of a single row, or for those that `fields` matches."""
    return panel(
        "stat",
        title,
        about,
        target,
        defaults={"unit": unit, "noValue": "–"},
        overrides=[*coloured(colours or {}), *overrides],
        options={
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": fields, "values": False},
        },
    )


def bars(title: str, about: str, target: Json, *, unit: str = "short") -> Json:
    """Return a bar for each row: its text names the bar, its number is its length."""
    return panel(
        "bargauge",
        title,
        about,
        target,
        defaults={"unit": unit, "min": 0, "color": {"mode": "continuous-BlPu"}},
        options={
            "displayMode": "basic",
            "valueMode": "color",
            "orientation": "horizontal",
            "showUnfilled": False,
            "reduceOptions": {"calcs": [], "fields": "", "values": True},
        },
    )


def table(
    title: str,
    about: str,
    target: Json,
    *,
    overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (),
) -> Json:
    """Return the rows as they are."""
    return panel(
        "table",
        title,
        about,
        target,
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": True},
        overrides=overrides,
        options={"showHeader": True, "cellHeight": "sm"},
        transformations=transformations,
    )


def _chart_options(calcs: Sequence[str]) -> Json:
    return {
        "legend": {
            "showLegend": True,
            "displayMode": "table" if calcs else "list",
            "placement": "bottom",
            "calcs": list(calcs),
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
