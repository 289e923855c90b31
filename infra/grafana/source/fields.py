"""What is said about single columns of a panel: colours, links, units, and how rows become columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

STATUS_COLOURS = {
    "RUNNING": "blue",
    "SCHEDULED": "purple",
    "FINISHED": "green",
    "FAILED": "red",
    "KILLED": "orange",
}
_COMPLETENESS_COLOURS = {
    "complete": "green",
    "in flight": "blue",
    "unconfirmed": "yellow",
    "missing": "red",
}


def matrix(*, row: str, column: str) -> Json:
    """Return the transformation that makes a column of each value of `column`, and puts `value` there."""
    return {
        "id": "groupingToMatrix",
        "options": {"rowField": row, "columnField": column, "valueField": "value", "emptyValue": "null"},
    }


def override(name: str, **properties: Any) -> Json:
    """Return what is different about the column or series `name`."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def coloured(colours: Mapping[str, str]) -> list[Json]:
    """Return the overrides that give columns or series their colours, by name."""
    return [override(name, color={"mode": "fixed", "fixedColor": colour}) for name, colour in colours.items()]


def link(name: str, title: str, url: str) -> Json:
    """Return the override that makes the cells of a column a link."""
    return override(name, links=[{"title": title, "url": url, "targetBlank": False}])


def status(*, cell: bool = True) -> Json:
    """Return the override that colours the column `status` of runs; `cell` is for tables."""
    return _states("status", STATUS_COLOURS, cell=cell)


def completeness(*, cell: bool = True) -> Json:
    """Return the override that colours the column `completeness`; `cell` is for tables."""
    return _states("completeness", _COMPLETENESS_COLOURS, cell=cell)


def _states(name: str, colours: Mapping[str, str], *, cell: bool) -> Json:
    options = {
        value: {"color": colour, "index": index} for index, (value, colour) in enumerate(colours.items())
    }
    custom = {"custom.cellOptions": {"type": "color-text"}} if cell else {}
    return override(name, mappings=[{"type": "value", "options": options}], **custom)
