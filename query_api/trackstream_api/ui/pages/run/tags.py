"""The tags of a run, which can be set, changed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import act_button, asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel
from trackstream_api.ui.components.value_table import ValueRow, ValueTable
from trackstream_api.ui.mounting import api
from trackstream_api.ui.pages.run.head import CHANGED
from trackstream_api.ui.pages.run.notes import NOTE

if TYPE_CHECKING:
    from trackstream_api.ui.components.run_follower import Change
    from trackstream_api.ui.pages.run.shown import ShownRun

_INNER = ("mlflow.", "trackstream.")


def tags(shown: ShownRun) -> None:
    """Build the panel and keep it current."""
    with panel("Tags") as head:
        table = ValueTable(
            "tags",
            _rows(shown),
            none="No tags.",
            on_change=None if shown.forbidden else lambda key: _set(shown, key),
            on_remove=None if shown.forbidden else lambda key: _remove(shown, key),
        )
    with head:
        act_button("Set a tag", lambda: _set(shown, ""), icon="add", forbidden=shown.forbidden)

    async def changed(_: Change) -> None:
        table.show(_rows(shown))

    shown.when_changed(changed)


def _rows(shown: ShownRun) -> list[ValueRow]:
    return [
        ValueRow(key, (value,), value, inner=key.startswith(_INNER), fixed=key == "mlflow.runName")
        for key, value in sorted(shown.run["tags"].items())
        if key != NOTE
    ]


def _set(shown: ShownRun, key: str) -> None:
    async def save() -> None:
        named = key or name.text.strip()
        await shown.took(await api().put(f"{shown.path}/tags", {named: value.text}), CHANGED)

    with asking(f"Change the tag {key}" if key else "Set a tag", "Set", save) as dialog:
        if not key:
            name = text_field("Key", required=True)
        value = text_field("Value", shown.run["tags"].get(key, ""), rows=3)
    dialog.on("hide", dialog.delete, [])
    dialog.open()


def _remove(shown: ShownRun, key: str) -> None:
    async def remove() -> None:
        await shown.took(await api().delete(f"{shown.path}/tags{path_of(key)}"), CHANGED)

    with asking(f"Remove the tag {key}?", "Remove", remove, danger=True) as dialog:
        tag("p", "The history of the run keeps it.", "ts-quiet")
    dialog.on("hide", dialog.delete, [])
    dialog.open()
