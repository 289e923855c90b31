"""How a reading of `trackstream watch` looks: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.output import cell, counted, duration, when
from trackstream_api.cli.sparkline import sparkline
from trackstream_api.cli.watch_reading import rates

if TYPE_CHECKING:
    from rich.console import RenderableType

    from trackstream_api.cli.watch_reading import Reading

COLUMNS = ("METRIC", "LATEST", "STEP", "MIN", "MAX", "POINTS", "POINTS/S", "CURVE")
_RIGHT = COLUMNS[1:-1]
_COLOUR = {"RUNNING": "cyan", "FINISHED": "green", "FAILED": "red", "KILLED": "red"}


def header(reading: Reading, now_ms: int | None = None) -> dict[str, str]:
    """Return what is said of the run itself; `now_ms` is where a run that goes on has come to."""
    run = reading.run
    end = run["end_time"]
    if end is None and not reading.ended:
        end = now_ms if now_ms is not None else time.time_ns() // 1_000_000
    return {
        "run": f"{cell(run['name'])} ({run['run_id']})",
        "experiment": cell(run["experiment_name"] or run["experiment_id"]),
        "status": run["status"],
        "started": when(run["start_time"]),
        "took": duration(run["start_time"], end),
        "completeness": reading.completeness,
    }


def rows(reading: Reading, earlier: Reading | None) -> list[list[Any]]:
    """Return the cells of the table, the curve last."""
    speed = rates(reading, earlier)
    return [
        [
            metric.key,
            metric.latest,
            metric.step,
            metric.least,
            metric.greatest,
            metric.points,
            speed.get(metric.key),
            sparkline(metric.curve),
        ]
        for metric in reading.metrics
    ]


def line(reading: Reading) -> str:
    """Return a reading in one line."""
    values = "  ".join(f"{cell(one.key)}={cell(one.latest)} @{one.step}" for one in reading.metrics)
    state = f"{reading.run['status']}  {counted(reading.points, 'point')}"
    return f"{when(time.time_ns() // 1_000_000)}  {state}  {values}".rstrip()


def screen(reading: Reading, earlier: Reading | None, trouble: str) -> RenderableType:
    """Return what a terminal shows: what is known of the run, its metrics, and what keeps us from more."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    about = Table.grid(padding=(0, 2))
    for name, value in header(reading).items():
        style = _COLOUR.get(value, "") if name == "status" else ""
        about.add_row(Text(name, style="dim"), Text(value, style=style))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(
            name,
            justify="right" if name in _RIGHT else "left",
            no_wrap=True,
            overflow="ellipsis" if name == COLUMNS[0] else "crop",
        )
    for row in rows(reading, earlier):
        table.add_row(*[Text(cell(value)) for value in row[:-1]], Text(row[-1], style="cyan"))
    parts: list[RenderableType] = [about, Text(), table if reading.metrics else Text("no metrics yet", "dim")]
    if reading.others:
        parts.append(Text(f"… and {counted(reading.others, 'metric')} more; --keys chooses", "dim"))
    if trouble:
        parts.append(Text(trouble, "yellow"))
    return Group(*parts)
