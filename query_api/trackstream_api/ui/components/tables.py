"""Tables that are short enough for HTML; on a phone their rows become cards."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nicegui import ui


class Rows:
    """The body of a table: `with rows.row() as cell: with cell(): …`."""

    def __init__(self, columns: Sequence[str], numbers: frozenset[str]) -> None:
        self._columns = columns
        self._numbers = numbers

    @contextmanager
    def row(self, classes: str = "") -> Iterator[Row]:
        """A row; its cells are made in the order of the columns."""
        with tag("tr", "", classes):
            yield Row(self._columns, self._numbers)


class Row:
    """Makes the cells of a row, one after the other."""

    def __init__(self, columns: Sequence[str], numbers: frozenset[str]) -> None:
        self._left = iter(columns)
        self._numbers = numbers

    def cell(self, text: str = "", classes: str = "", title: str = "") -> ui.element:
        """The next cell; may be used in a `with` to hold more than text."""
        column = next(self._left)
        number = "ts-number " if column in self._numbers else ""
        return tag("td", text, f"{number}{classes}".strip(), data_label=column, title=title or None)


@contextmanager
def table(columns: Sequence[str], *, numbers: Sequence[str] = (), label: str = "") -> Iterator[Rows]:
    """A table with these headings; `numbers` are those of the columns that hold numbers."""
    right = frozenset(numbers)
    with tag("div", "", "ts-scroll"), tag("table", "", "ts-table is-stacking", aria_label=label or None):
        with tag("thead"), tag("tr"):
            for column in columns:
                tag("th", column, "ts-number" if column in right else "", scope="col")
        with tag("tbody"):
            yield Rows(columns, right)


@contextmanager
def panel(title: str, label: str = "") -> Iterator[ui.element]:
    """A framed part of a page; yields its head, for what stands beside the title."""
    with tag("section", "", "ts-panel", aria_label=label or title):
        with tag("div", "", "ts-panel-head") as head:
            tag("h2", title)
            tag("div", "", "ts-grow")
        yield head


@contextmanager
def facts() -> Iterator[None]:
    """A list of names and values; `fact` adds one."""
    with tag("div", "", "ts-panel-body"), tag("dl", "", "ts-facts"):
        yield


def fact(name: str, value: str = "–", classes: str = "") -> ui.element:
    """Add one; its value may be used in a `with` to hold more than text."""
    tag("dt", name)
    return tag("dd", value, classes)
