"""How a reading of `trackstream watch` looks: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trackstream_api.cli.output import cell, counted, duration, when
from trackstream_api.cli.sparkline import shrunk, sparkline
from trackstream_api.cli.watch_reading import rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from trackstream_api.cli.watch_reading import Reading

COLUMNS = ("METRIC", "LATEST", "STEP", "MIN", "MAX", "POINTS", "POINTS/S", "CURVE")
LONGEST_CURVE = 40
_RIGHT = COLUMNS[1:-1]
_DROPPABLE = ("POINTS", "MAX", "MIN", "POINTS/S", "STEP")
_SHORTEST_CURVE = 12
_LONGEST_NAME = 36
_GAP = 3
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


def rows(reading: Reading, earlier: Reading | None, curve: int = LONGEST_CURVE) -> list[list[Any]]:
    """Return the cells of the table; the last ones are curves of at most `curve` characters."""
    speed = rates(reading, earlier)
    return [
        [
            metric.key,
            metric.latest,
            metric.step,
            metric.least,
            metric.greatest,
            metric.points,
            _rounded(speed.get(metric.key)),
            sparkline(shrunk(metric.curve, curve)),
        ]
        for metric in reading.metrics
    ]


def fitted(cells: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """Return which columns a terminal of that width has room for, and how long curves may be.

    Columns are left out, the least needed first, until the curve has room as well.
    """
    widths = [max(map(len, (name, *column))) for name, *column in zip(COLUMNS, *cells, strict=True)]
    widths[0] = min(widths[0], _LONGEST_NAME)
    shown = list(range(len(COLUMNS) - 1))
    for dropped in (*_DROPPABLE, None):
        room = width - sum(widths[column] + _GAP for column in shown)
        if room >= _SHORTEST_CURVE or dropped is None:
            break
        shown.remove(COLUMNS.index(dropped))
    return [*shown, len(COLUMNS) - 1], max(1, min(room, LONGEST_CURVE))


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else float(f"{rate:.3g}")


def line(reading: Reading) -> str:
    """Return a reading in one line."""
    values = "  ".join(f"{cell(one.key)}={cell(one.latest)} @{one.step}" for one in reading.metrics)
    state = f"{reading.run['status']}  {counted(reading.points, 'point')}"
    return f"{when(time.time_ns() // 1_000_000)}  {state}  {values}".rstrip()


def screen(reading: Reading, earlier: Reading | None, trouble: str, width: int) -> RenderableType:
    """Return what a terminal of that width shows: what is known of the run, its metrics, and what keeps us
    from more."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    about = Table.grid(padding=(0, 2))
    for name, value in header(reading).items():
        style = _COLOUR.get(value, "") if name == "status" else ""
        about.add_row(Text(name, style="dim"), Text(value, style=style))
    cells = [[cell(value) for value in row] for row in rows(reading, earlier)]
    columns, curve = fitted(cells, width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name in (COLUMNS[column] for column in columns):
        table.add_column(
            name,
            justify="right" if name in _RIGHT else "left",
            no_wrap=True,
            max_width=_LONGEST_NAME if name == COLUMNS[0] else None,
            overflow="ellipsis",
        )
    for row, metric in zip(cells, reading.metrics, strict=True):
        drawn = sparkline(shrunk(metric.curve, curve))
        table.add_row(*[Text(row[column]) for column in columns[:-1]], Text(drawn, style="cyan"))
    parts: list[RenderableType] = [about, Text(), table if reading.metrics else Text("no metrics yet", "dim")]
    if reading.others:
        more = counted(reading.others, "more metric")
        parts.append(Text(f"… and {more}; --keys chooses", "dim"))
    if trouble:
        parts.append(Text(trouble, "yellow"))
    return Group(*parts)
