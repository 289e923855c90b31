"""The first rows of a CSV or TSV file. Pure functions."""

from __future__ import annotations

import csv
import math
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

MOST_ROWS = 1000
MOST_COLUMNS = 200
_LONGEST_CELL = 1000
_SAMPLE = 8192


@dataclass(frozen=True)
class Rows:
    """A table."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each as long as `columns`."""
    numeric: frozenset[int]
    """Columns in which every value is a number or empty, by index."""
    more: bool
    """Whether there are more rows, as far as the text tells."""


def rows_of(text: str, is_whole: bool, tabs: bool) -> Rows:
    """Read a text whose first line names the columns; of a beginning, the last line is left out.

    `tabs` says that tabs separate; otherwise the text tells what does.
    """
    if not is_whole:
        text = text[: text.rfind("\n") + 1]
    lines = csv.reader(text.splitlines(), delimiter="\t" if tabs else _delimiter(text))
    found: list[list[str]] = []
    # Where a field has no end, what came before it is shown.
    with suppress(csv.Error):
        found.extend(islice((line for line in lines if line), MOST_ROWS + 2))
    head, body = (found[0], found[1:]) if found else ([], [])
    width = min(MOST_COLUMNS, max((len(line) for line in found), default=0))
    columns = tuple(head[:width]) + tuple(f"column {number + 1}" for number in range(len(head), width))
    rows = tuple(
        tuple(cell[:_LONGEST_CELL] for cell in [*line, *[""] * width][:width]) for line in body[:MOST_ROWS]
    )
    numeric = frozenset(index for index in range(width) if _is_numeric([row[index] for row in rows]))
    return Rows(columns, rows, numeric, len(body) > MOST_ROWS or not is_whole)


def _delimiter(text: str) -> str:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], ",;\t|").delimiter
    except csv.Error:
        return ","


def _is_numeric(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(_number(cell) is not None for cell in filled)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if math.isinf(value) and "inf" not in cell.lower() else value
