"""What is shown instead of content: nothing there, still coming, refused."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackstream_api.ui.api import ApiFailure

_MEANINGS = {
    404: ("Not here", "search_off"),
    400: ("That could not be read", "rule"),
    409: ("That is not possible now", "block"),
    503: ("No answer", "cloud_off"),
}


@contextmanager
def empty(title: str, hint: str = "", icon: str = "inbox") -> Iterator[None]:
    """Say that there is nothing, and what would make something; the body may add actions."""
    with ui.element("div").classes("ts-state"):
        ui.icon(icon).classes("ts-state-icon").props("aria-hidden=true")
        ui.label(title).classes("ts-state-title")
        if hint:
            ui.label(hint).classes("ts-quiet")
        yield


def failed(failure: ApiFailure) -> None:
    """Say what the API refused, in its own words."""
    title, icon = _MEANINGS.get(failure.status, ("Something failed", "error_outline"))
    with ui.element("div").classes("ts-state is-failed").props("role=alert"):
        ui.icon(icon).classes("ts-state-icon").props("aria-hidden=true")
        ui.label(title).classes("ts-state-title")
        ui.label(failure.message)
        ui.label(f"{failure.status} {failure.error_code}").classes("ts-quiet ts-mono")


def refused(failure: ApiFailure) -> None:
    """Tell of a refused act in passing; the page stays."""
    ui.notify(failure.message, type="negative", close_button="Close", timeout=10_000, multi_line=True)


def done(words: str) -> None:
    """Tell of a done act in passing."""
    ui.notify(words, type="positive", timeout=3_000)
