"""Curves of one metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import nicegui.elements.echart  # noqa: F401  # puts ECharts into the pages' import map
from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SeriesChart(ui.element, component="series_chart.js"):
    """A metric of some runs over steps or time; the browser asks the API for the points.

    Charts of one page share requests and, while runs go on, one stream of events. Dragging, Ctrl and the
    wheel, or + and - zoom in, a double click or 0 zooms out; each time the server is asked for finer buckets.
    The event `changed` tells what a person has switched: `{"metric": …, "logY": …}`.
    """

    def __init__(
        self,
        run_ids: Sequence[str],
        key: str,
        *,
        x: Literal["step", "timestamp", "relative"] = "step",
        smoothing: float = 0.0,
        log_x: bool = False,
        log_y: bool = False,
        live: bool = False,
        height: int = 220,
        labels: Mapping[str, str] | None = None,
        show_band: bool = True,
        heading: bool = True,
    ) -> None:
        """`smoothing` is the weight of the exponential moving average, 0 to below 1; `height` is in pixels.

        `labels` are the runs' names by id; `show_band` draws from the least to the greatest value of each
        bucket; `heading` puts the metric's name above. With `live` it follows the runs.
        """
        super().__init__()
        self.props["run-ids"] = list(run_ids)
        self.props["metric"] = key
        self.props["x"] = x
        self.props["smoothing"] = smoothing
        self.props["log-x"] = log_x
        self.props["log-y"] = log_y
        self.props["live"] = list(run_ids) if live else []
        self.props["height"] = height
        self.props["labels"] = dict(labels or {})
        self.props["show-band"] = show_band
        self.props["heading"] = heading
