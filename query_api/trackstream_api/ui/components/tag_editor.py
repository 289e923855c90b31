"""A panel of tags that can be set and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def tag_editor(tags: Mapping[str, str], path: str) -> None:
    """Show `tags`; `path` is that of the API that takes them with PUT, and one less with DELETE."""
    past = IN_THE_PAST if as_of() else ""

    async def save() -> None:
        await api().put(path, {key.text.strip(): value.text})
        ui.navigate.reload()

    with asking("Set a tag", "Set", save) as dialog:
        key = text_field("Key", required=True)
        value = text_field("Value", rows=2)
    with panel("Tags") as head:
        with head:
            button = act_button("Set a tag", dialog.open, icon="add", forbidden=past)
            button.classes("ts-small-button")
        with tag("div", "", "ts-panel-body"):
            if not tags:
                tag("span", "No tags", "ts-faint")
                return
            with tag("dl", "", "ts-facts"):
                for name, held in sorted(tags.items()):
                    tag("dt", name, "ts-mono")
                    with tag("dd", "", "ts-row"):
                        tag("span", held, "ts-grow")
                        _remover(name, path, past)


def _remover(name: str, path: str, past: str) -> None:
    async def remove() -> None:
        await api().delete(f"{path}{path_of(name)}")
        ui.navigate.reload()

    with asking(f"Remove the tag {name}?", "Remove", remove, danger=True) as dialog:
        tag("p", "Its history stays.", "ts-quiet")
    with tag(
        "button",
        "",
        "ts-icon-button",
        type="button",
        aria_label=f"Remove the tag {name}",
        title=past or f"Remove the tag {name}",
        disabled=bool(past),
    ) as button:
        ui.icon("close").props("aria-hidden=true")
    button.on("click", dialog.open, [])
