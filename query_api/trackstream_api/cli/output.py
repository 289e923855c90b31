"""Printing: tables for people, JSON and CSV for scripts.

On a terminal a table is drawn by rich; elsewhere it is plain columns without colours and never cut, so
that it can go through `grep` and `awk`.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SPREAD = ("params", "metrics", "tags")
_GAP = 3
"""Columns of a terminal between two columns of a table."""


def on_terminal() -> bool:
    """Whether a person is looking at standard output."""
    return sys.stdout.isatty()


def print_json(objects: Any) -> None:
    """Print what the API gave, indented."""
    click.echo(json.dumps(objects, indent=2, ensure_ascii=False))


def print_csv(objects: Sequence[Mapping[str, Any]]) -> None:
    """Print objects flat, a row each; nested keys become `params.lr`."""
    text = io.StringIO()
    write_csv(text, [flat(item) for item in objects])
    click.echo(text.getvalue(), nl=False)


def write_csv(out: TextIO, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write flat rows as CSV (RFC 4180, but lines end in \\n) with a header line."""
    names = list(columns) if columns is not None else columns_of(rows)
    if not names:
        return
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the columns of flat rows: plain ones as they come, then params, metrics and tags by name."""
    seen = dict.fromkeys(name for row in rows for name in row)
    plain = [name for name in seen if name.partition(".")[0] not in _SPREAD]
    spread = [name for name in seen if name.partition(".")[0] in _SPREAD]
    return plain + sorted(spread, key=lambda name: (_SPREAD.index(name.partition(".")[0]), name))


def flat(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an API object without nesting: maps as `map.key`, a metric as its value, lists as JSON."""
    row: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, dict) and name in _SPREAD:
            for key, inner in value.items():
                row[f"{name}.{key}"] = inner["value"] if isinstance(inner, dict) else inner
        elif isinstance(value, dict | list):
            row[name] = json.dumps(value, ensure_ascii=False)
        else:
            row[name] = value
    return row


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str = "", droppable: Sequence[str] = ()
) -> None:
    """Print rows under their column names; `empty` is said on standard error where there are none.

    `droppable` allows to leave out the last columns on a terminal that is too narrow for them: it holds
    what `--columns` calls each column.
    """
    if not rows:
        if empty:
            say(empty)
        return
    cells = [[cell(value) for value in row] for row in rows]
    if on_terminal():
        right = [_is_number(column) for column in zip(*rows, strict=True)]
        width = shutil.get_terminal_size().columns
        shown = fitting(columns, cells, width) if droppable else len(columns)
        _print_rich(columns[:shown], [row[:shown] for row in cells], right[:shown])
        if shown < len(columns):
            say(f"not shown for want of space: {', '.join(droppable[shown:])}; --columns chooses")
    else:
        _print_plain(columns, cells)


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many of the columns, from the left, a terminal of that width has room for; at least one."""
    used = -_GAP
    for number, column in enumerate(zip(columns, *rows, strict=True)):
        used += _GAP + max(len(text) for text in column)
        if used > width:
            return max(1, number)
    return len(columns)


def print_section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table under a title, with an empty line behind it; nothing where there are no rows."""
    if not rows:
        return
    click.secho(title, bold=True)
    print_table(columns, rows)
    click.echo()


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name, numeric in zip(columns, right, strict=True):
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(value) for value in row])
    Console().print(table)


def _print_plain(columns: Sequence[str], rows: list[list[str]]) -> None:
    lines = [list(columns), *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _is_number(column: Iterable[Any]) -> bool:
    values = [value for value in column if value is not None and value != ""]
    return bool(values) and all(isinstance(value, int | float) for value in values)


def cell(value: Any) -> str:
    """Return a value as a table shows it: six digits of a float, control characters made visible."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return "".join(_visible(character) for character in str(value))


def _visible(character: str) -> str:
    # A tag may hold escape sequences; a terminal must not obey them.
    return character if character.isprintable() else repr(character)[1:-1]


def when(millis: int | None) -> str:
    """Return a moment in local time to the second, with how far that is from UTC; `-` for none."""
    if millis is None:
        return "-"
    return datetime.fromtimestamp(millis // 1000).astimezone().isoformat(" ")


def duration(start: int, end: int | None) -> str:
    """Return how long something took, in its two largest units; `-` while it runs."""
    if end is None:
        return "-"
    seconds = max(0, end - start) / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size_text(count: int | None) -> str:
    """Return a number of bytes in a unit that reads well."""
    if count is None:
        return "-"
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def counted(count: int, thing: str) -> str:
    """Return "1 run", "2 runs"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def say(text: str) -> None:
    """Tell the person something that is not the answer itself: on standard error."""
    click.echo(text, err=True)


def print_objects(
    output: str,
    objects: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    row: Callable[[Mapping[str, Any]], Sequence[Any]],
    *,
    empty: str = "",
) -> None:
    """Print a list of API objects in the way that `--output` asks for."""
    if output == "json":
        print_json(list(objects))
    elif output == "csv":
        print_csv(objects)
    else:
        print_table(columns, [row(item) for item in objects], empty=empty)
