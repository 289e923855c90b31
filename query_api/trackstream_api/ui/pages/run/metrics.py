"""The metrics of a run: a chart for each, in groups, live while the run goes on."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.series_chart import SeriesChart
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.values import count
from trackstream_api.ui.pages.run.metric_groups import AXES, ChartChoice, grouped
from trackstream_api.ui.pages.run.shown import SYSTEM
from trackstream_api.ui.places import asked, place

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_AT_FIRST = 24
"""Charts of a group; more are made on demand."""
_VALUE = "(event) => emit(event.target.value)"
_CHECKED = "(event) => emit(event.target.checked)"


async def metrics(shown: ShownRun) -> None:
    """Build the tab of the run's own metrics."""
    _Board(shown, "metrics").build()


async def system_metrics(shown: ShownRun) -> None:
    """Build the tab of the system's."""
    _Board(shown, "system").build()


class _Board:
    """The charts of a tab and the controls above them."""

    def __init__(self, shown: ShownRun, tab: str) -> None:
        self._shown = shown
        self._tab = tab
        self._choice = ChartChoice.asked(asked)
        self._charts: dict[str, SeriesChart] = {}
        self._more: set[str] = set()
        self._drawn: dict[str, list[str]] = {}

    @property
    def _keys(self) -> list[str]:
        return self._shown.system_metrics if self._tab == "system" else self._shown.own_metrics

    def build(self) -> None:
        self._controls()
        self._grid = tag("div", "", "ts-board")
        self._draw()
        self._shown.when_changed(self._changed)

    async def _changed(self, change: Change) -> None:
        # The charts follow the run by themselves: only new metrics need more of them.
        if self._found() != self._drawn:
            self._draw()
        live = [self._shown.run_id] if self._shown.is_live else []
        for chart in self._charts.values():
            if chart.props["live"] != live:
                chart.props["live"] = live

    def _found(self) -> dict[str, list[str]]:
        keys = [key for key in self._keys if self._choice.shows(key)]
        return grouped(keys, SYSTEM if self._tab == "system" else "")

    def _draw(self) -> None:
        self._drawn = self._found()
        self._grid.clear()
        self._charts.clear()
        with self._grid:
            if not self._keys:
                _nothing(self._tab, self._shown.is_live)
            elif not self._drawn:
                with empty(
                    "No metric has such a name", "Another part of a name finds more.", "filter_alt_off"
                ):
                    pass
            for group, keys in self._drawn.items():
                self._group(group, keys)

    def _group(self, group: str, keys: list[str]) -> None:
        name = group or ("System" if self._tab == "system" else "Metrics")
        is_open = group not in self._choice.closed
        # One group alone needs no head.
        if len(self._drawn) > 1:
            with tag(
                "button", "", "ts-board-head", type="button", aria_expanded="true" if is_open else "false"
            ) as head:
                ui.icon("expand_more" if is_open else "chevron_right").props("aria-hidden=true")
                tag("span", name, "ts-heading")
                tag("span", count(len(keys)), "ts-quiet ts-small")
            head.on("click", partial(self._toggle, group), [])
        if not is_open:
            return
        shown = keys if group in self._more else keys[:_AT_FIRST]
        with tag("div", "", "ts-board-grid"):
            for key in shown:
                with tag("div", "", "ts-panel ts-board-chart"):
                    self._charts[key] = self._chart(key)
        if len(shown) < len(keys):
            button = tag("button", f"Show all {count(len(keys))}", "ts-button", type="button")
            button.on("click", partial(self._show_all, group), [])

    def _chart(self, key: str) -> SeriesChart:
        choice, run = self._choice, self._shown
        return SeriesChart(
            [run.run_id],
            key,
            x=choice.x,
            smoothing=choice.smoothing,
            log_x=choice.log_x,
            log_y=choice.log_y,
            live=run.is_live,
            labels={run.run_id: run.run["name"] or run.run_id},
        )

    def _toggle(self, group: str) -> None:
        self._choose(replace(self._choice, closed=self._choice.closed ^ {group}))
        self._draw()

    def _show_all(self, group: str) -> None:
        self._more.add(group)
        self._draw()

    def _controls(self) -> None:
        choice = self._choice
        with tag("div", "", "ts-toolbar ts-board-controls", role="group", aria_label="What the charts show"):
            search = tag(
                "input",
                "",
                "ts-input",
                type="search",
                placeholder="Filter metrics",
                aria_label="Filter metrics",
                data_search=True,
            )
            search.props["^value"] = choice.filter
            search.on("input", self._filtered, js_handler=_VALUE, throttle=0.2, leading_events=False)
            with tag("label", "", "ts-control"):
                tag("span", "x")
                axis = tag("select", "", "ts-select", aria_label="Axis of x")
                with axis:
                    for value, words in AXES.items():
                        option = tag("option", words, value=value)
                        if value == choice.x:
                            option.props["^selected"] = "selected"
            axis.on("change", partial(self._switched, "x"), js_handler=_VALUE)
            with tag("label", "", "ts-control"):
                tag("span", "Smoothing")
                smoothing = tag("input", "", "ts-range", type="range", min=0, max="0.99", step="0.01")
                smoothing.props["^value"] = choice.smoothing
                smoothed = tag("output", f"{choice.smoothing:g}", "ts-number")

            def smooth(event: GenericEventArguments) -> None:
                smoothed.text = f"{float(event.args):g}"  # type: ignore[attr-defined]
                self._switched("smoothing", event)

            smoothing.on("input", smooth, js_handler=_VALUE, throttle=0.1)
            self._box("log x", "log_x", ticked=choice.log_x)
            self._box("log y", "log_y", ticked=choice.log_y)

    def _box(self, words: str, name: str, *, ticked: bool) -> None:
        with tag("label", "", "ts-check"):
            box = tag("input", "", type="checkbox")
            if ticked:
                box.props["^checked"] = "checked"
            tag("span", words)
        box.on("change", partial(self._switched, name), js_handler=_CHECKED)

    def _filtered(self, event: GenericEventArguments) -> None:
        self._choose(replace(self._choice, filter=str(event.args)))
        self._draw()

    def _switched(self, name: str, event: GenericEventArguments) -> None:
        value: Any = event.args
        if name == "smoothing":
            with contextlib.suppress(ValueError):
                value = float(value)
        self._choose(replace(self._choice, **{name: value}))
        prop = {"log_x": "log-x", "log_y": "log-y"}.get(name, name)
        for chart in self._charts.values():
            chart.props[prop] = value

    def _choose(self, choice: ChartChoice) -> None:
        self._choice = choice
        ui.navigate.history.replace(place("runs", self._shown.run_id, tab=self._tab, **choice.query()))


def _nothing(tab: str, is_live: bool) -> None:
    if tab == "system":
        hint = (
            "trackstream.start_run(log_system_metrics=True) logs processor, memory, disk, network and GPUs."
        )
        title = "No system metrics"
    else:
        hint = "trackstream.log_metric(name, value, step=…) logs one."
        title = "No metrics yet" if is_live else "No metrics"
    with empty(title, hint, "show_chart"):
        pass
