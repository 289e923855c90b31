"""The metrics of a run in a table: latest, least and greatest values."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.components.value_table import ValueRow, ValueTable
from trackstream_api.ui.components.values import count, number
from trackstream_api.ui.mounting import api
from trackstream_api.ui.pages.run.shown import SYSTEM
from trackstream_api.ui.places import as_of, place

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_LEAST_PAUSE_S = 2.0
_SHARE = 20
"""Extremes are asked for again after so many times as long as the last answer took: it reads all points."""


def latest_metrics(shown: ShownRun) -> None:
    """Build the panel and keep it current."""
    extremes: dict[str, dict[str, Any]] = {}
    after = 0.0
    with panel("Latest metrics"):
        table = ValueTable(
            "metrics",
            _rows(shown, extremes),
            ("Latest", "Least", "Greatest", "Step"),
            none="No metrics were logged.",
            inner="of the system",
        )

    async def read_extremes() -> None:
        nonlocal after
        began = time.monotonic()
        try:
            found = await api().get(f"{shown.path}/metrics", as_of=as_of())
        except ApiFailure:
            # The latest values are there; the rest is a dash.
            return
        extremes.update({metric["key"]: metric for metric in found["metrics"]})
        now = time.monotonic()
        after = now + max(_LEAST_PAUSE_S, _SHARE * (now - began))
        table.show(_rows(shown, extremes))

    async def read_later() -> None:
        # What came within the pause is read at its end, also where nothing comes after it.
        if time.monotonic() > after:
            later.deactivate()
            await read_extremes()

    async def changed(change: Change) -> None:
        table.show(_rows(shown, extremes))
        if "metrics" not in change.topics:
            return
        if time.monotonic() > after or not shown.is_live:
            later.deactivate()
            await read_extremes()
        else:
            later.activate()

    later = ui.timer(_LEAST_PAUSE_S, read_later, active=False, immediate=False)
    # Behind the first picture of the page.
    ui.timer(0.05, read_extremes, once=True)
    shown.when_changed(changed)


def _rows(shown: ShownRun, extremes: dict[str, dict[str, Any]]) -> list[ValueRow]:
    rows = []
    for key, latest in sorted(shown.run["metrics"].items()):
        summed = extremes.get(key, {})
        cells = (
            number(latest["value"]),
            number(summed.get("min")),
            number(summed.get("max")),
            count(latest["step"]),
        )
        tab = "system" if key.startswith(SYSTEM) else "metrics"
        address = place("runs", shown.run_id, tab=tab, filter=key)
        rows.append(ValueRow(key, cells, str(latest["value"]), href=address, inner=key.startswith(SYSTEM)))
    return rows
