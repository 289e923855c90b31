"""Dashboards from rows of panels, and the variables that they are asked with."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from panels import CLICKHOUSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fields import Json

TAG = "trackstream"
SCHEMA_VERSION = 41
_COLUMNS = 24


@dataclass(frozen=True)
class Row:
    """A heading and what stands under it: panels with width (of 24) and height, left to right, then below."""

    title: str
    panels: Sequence[tuple[Json, int, int]]


def dashboard(
    uid: str,
    title: str,
    about: str,
    variables: Sequence[Json],
    rows: Sequence[Row],
    *,
    since: str = "now-7d",
    refresh: str = "1m",
) -> Json:
    """Return a dashboard that Grafana provisions; `since` is where its time range begins at first."""
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": [TAG],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "refresh": refresh,
        "time": {"from": since, "to": "now"},
        "annotations": {"list": []},
        "links": [
            {
                "title": "Trackstream",
                "type": "dashboards",
                "tags": [TAG],
                "icon": "external link",
                "tooltip": "The other dashboards, with the same experiment and time range",
                "url": "",
                "asDropdown": False,
                "targetBlank": False,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": list(variables)},
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    placed: list[Json] = []
    top = 0
    for row in rows:
        at = {"h": 1, "w": _COLUMNS, "x": 0, "y": top}
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": at,
                "panels": [],
            }
        )
        top += 1
        left = tallest = 0
        for made, width, height in row.panels:
            if left + width > _COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            at = {"h": height, "w": width, "x": left, "y": top}
            placed.append({"id": len(placed) + 1, **made, "gridPos": at})
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return placed


def source(name: str, plugin: str, label: str) -> Json:
    """Return the variable that chooses a data source of a type."""
    return {
        "name": name,
        "label": label,
        "type": "datasource",
        "query": plugin,
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {},
        "options": [],
    }


def queried(
    name: str,
    label: str,
    about: str,
    query: str,
    *,
    multi: bool = False,
    everything: bool = False,
) -> Json:
    """Return a variable whose values a query gives: values, or ids and what is shown for them.

    With `everything` it may be and at first is all of them.
    """
    chosen: Json = {}
    if everything:
        chosen = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "name": name,
        "label": label,
        "description": about,
        "type": "query",
        "datasource": CLICKHOUSE,
        "query": cleandoc(query),
        "regex": "",
        "refresh": 2,
        "sort": 0,
        "hide": 0,
        "multi": multi,
        "includeAll": everything,
        "current": chosen,
        "options": [],
    }


def choice(name: str, label: str, about: str, values: dict[str, str]) -> Json:
    """Return a variable with fixed values, by what is shown for them; the first is chosen."""
    options: list[dict[str, Any]] = [
        {"selected": index == 0, "text": text, "value": value}
        for index, (text, value) in enumerate(values.items())
    ]
    return {
        "name": name,
        "label": label,
        "description": about,
        "type": "custom",
        "query": ", ".join(f"{text} : {value}" for text, value in values.items()),
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {**options[0], "selected": True},
        "options": options,
    }
