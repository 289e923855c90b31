"""Small marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from nicegui import ui

_KINDS = {"RUNNING": "live", "FINISHED": "good", "FAILED": "bad", "KILLED": "warn", "SCHEDULED": "idle"}


def status_chip(status: str) -> ui.element:
    """Return a run's or a launch's status as a coloured mark; the word is always there, too."""
    return chip(status.lower(), _KINDS.get(status.upper(), "idle"))


def chip(words: str, kind: str = "idle") -> ui.element:
    """Return a mark; kinds: live, good, bad, warn, idle."""
    return tag("span", words, f"ts-chip is-{kind}")
