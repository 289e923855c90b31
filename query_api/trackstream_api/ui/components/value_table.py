"""A table of names with values, which the browser searches and copies from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class ValueRow:
    """One name."""

    key: str
    cells: tuple[str, ...]
    """One for each column, as people read it."""
    copy: str
    """What is copied: the value itself."""
    href: str | None = None
    """Where the name leads."""
    inner: bool = False
    """Set by a tool: hidden at first."""
    fixed: bool = False
    """Cannot be changed where others can."""


class ValueTable(ui.element, component="value_table.js", dependencies=["clipboard.js"]):
    """One column of values without a head, or several numbers beside each name, with one."""

    def __init__(
        self,
        name: str,
        rows: Sequence[ValueRow],
        columns: Sequence[str] = ("Value",),
        *,
        none: str,
        inner: str = "set by tools",
        on_change: Callable[[str], Any] | None = None,
        on_remove: Callable[[str], Any] | None = None,
    ) -> None:
        """`none` is said where there are no rows, `inner` behind the number of rows that are hidden at first;
        the handlers get the key to be changed or removed."""
        super().__init__()
        self._props["name"] = name
        self._props["none"] = none
        self._props["inner-words"] = inner
        self._props["columns"] = list(columns)
        self._props["changeable"] = on_change is not None
        self.show(rows)
        if on_change is not None:
            self.on("change", lambda event: on_change(event.args["key"]))
        if on_remove is not None:
            self.on("remove", lambda event: on_remove(event.args["key"]))

    def show(self, rows: Sequence[ValueRow]) -> None:
        """Show other rows."""
        self._props["rows"] = [
            {
                "key": row.key,
                "cells": list(row.cells),
                "copy": row.copy,
                "href": row.href,
                "inner": row.inner,
                "fixed": row.fixed,
            }
            for row in rows
        ]
        self.update()
