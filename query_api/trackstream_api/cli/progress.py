"""Progress bars on standard error, where a person is looking; elsewhere nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Report(Protocol):
    """Tells how far the work has come."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """`done` of `total` units are done; a total that was given before stays."""
        ...


class RatedReport(Protocol):
    """Tells how far the work has come, and at which rate something else than its units goes."""

    def __call__(self, done: int, total: int, rate: float) -> None:
        """`done` of `total` units are done."""
        ...


@contextmanager
def progress(what: str, *, of_bytes: bool = False) -> Iterator[Report]:
    """Show a bar named `what` until the block ends; the block calls the report it gets."""
    with _bar(what, of_bytes=of_bytes) as update:

        def report(done: int, total: int | None = None) -> None:
            update(done, total, "")

        yield report


@contextmanager
def rated_progress(what: str, unit: str) -> Iterator[RatedReport]:
    """Show a bar named `what` with a rate in `unit` until the block ends."""
    with _bar(what, of_bytes=False) as update:

        def report(done: int, total: int, rate: float) -> None:
            update(done, total, f"{rate:,.0f} {unit}")

        yield report


class _Update(Protocol):
    def __call__(self, done: int, total: int | None, rate: str) -> None: ...


@contextmanager
def _bar(what: str, *, of_bytes: bool) -> Iterator[_Update]:
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amount = (
        [DownloadColumn(), TransferSpeedColumn()]
        if of_bytes
        else [MofNCompleteColumn(), TextColumn("{task.fields[rate]}")]
    )
    columns = [TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def update(done: int, total: int | None, rate: str) -> None:
            if total is None:
                bar.update(task, completed=done, rate=rate)
            else:
                bar.update(task, completed=done, total=total, rate=rate)

        yield update


def _silent(done: int, total: int | None, rate: str) -> None:
    return None
