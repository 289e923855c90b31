"""How aliases, stages and tags of models are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nicegui import ui

_STAGES = {"Production": "good", "Staging": "warn", "Archived": "idle", "None": "idle"}
_SHOWN_TAGS = 4


def stage_chip(stage: str, more: str = "") -> ui.element:
    """Return a stage as a mark, with further words behind it."""
    return chip(f"{stage}{more}", _STAGES.get(stage, "idle"))


def alias_chips(aliases: Mapping[str, int] | Sequence[str]) -> None:
    """Show aliases, with the versions that they point at where these are given."""
    if not aliases:
        return
    with tag("div", "", "ts-chips"):
        for name in sorted(aliases):
            at = f" → v{aliases[name]}" if not isinstance(aliases, (list, tuple)) else ""  # type: ignore[call-overload]
            tag("span", f"@{name}{at}", "ts-chip is-alias")


def tag_chips(tags: Mapping[str, str]) -> None:
    """Show tags, the first few of them."""
    shown = sorted(tags.items())
    if not shown:
        return
    with tag("div", "", "ts-chips"):
        for key, value in shown[:_SHOWN_TAGS]:
            words = f"{key}={value}" if value else key
            tag("span", words, "ts-chip is-tag", title=words)
        if len(shown) > _SHOWN_TAGS:
            tag("span", f"+{len(shown) - _SHOWN_TAGS}", "ts-chip", title=", ".join(key for key, _ in shown))
