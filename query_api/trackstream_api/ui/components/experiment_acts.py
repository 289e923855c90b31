"""What can be done to experiments: each in a dialog, refusals in the API's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trackstream_api.ui.api import ApiFailure, path_of
from trackstream_api.ui.components.asking import asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.states import done, refused
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import go

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nicegui import ui


def create_dialog() -> None:
    """Ask for a name, create the experiment and go to its page."""

    async def create() -> None:
        made = await api().post("/experiments", {"name": name.text.strip()})
        go("experiments", made["experiment_id"])

    with asking("New experiment", "Create", create) as dialog:
        name = text_field("Name", autofocus=True)
    _open(dialog)


def rename_dialog(experiment: Mapping[str, Any], changed: Callable[[], Awaitable[None]]) -> None:
    """Ask for another name."""

    async def rename() -> None:
        path = path_of("experiments", experiment["experiment_id"])
        await api().patch(path, {"name": name.text.strip()})
        await changed()

    with asking(f"Rename {experiment['name']}", "Rename", rename) as dialog:
        name = text_field("Name", experiment["name"], autofocus=True)
    _open(dialog)


def delete_dialog(experiment: Mapping[str, Any], changed: Callable[[], Awaitable[None]]) -> None:
    """Ask before it is deleted."""

    async def delete() -> None:
        await api().delete(path_of("experiments", experiment["experiment_id"]))
        await changed()
        done(f"{experiment['name']} is deleted.")

    with asking(f"Delete {experiment['name']}?", "Delete", delete, danger=True) as dialog:
        tag("p", "Its runs go with it. It can be restored until garbage collection removes it.", "ts-quiet")
    _open(dialog)


async def restore(experiment: Mapping[str, Any], changed: Callable[[], Awaitable[None]]) -> None:
    """Undo a deletion."""
    try:
        await api().post(path_of("experiments", experiment["experiment_id"], "restore"))
    except ApiFailure as failure:
        refused(failure)
        return
    await changed()
    done(f"{experiment['name']} is restored.")


def tags_dialog(experiment: Mapping[str, Any], changed: Callable[[], Awaitable[None]]) -> None:
    """Change tags: values in place, an empty one takes the tag away, and a row for a new one."""
    before: Mapping[str, str] = experiment["tags"]

    async def save() -> None:
        wanted = {key: field.text for key, field in fields.items()}
        if new_key.text.strip():
            wanted[new_key.text.strip()] = new_value.text
        set_ = {key: value for key, value in wanted.items() if value and value != before.get(key)}
        path = path_of("experiments", experiment["experiment_id"], "tags")
        if set_:
            await api().put(path, set_)
        for key in before:
            if not wanted.get(key):
                await api().delete(f"{path}/{quote(key, safe='')}")
        await changed()

    with asking(f"Tags of {experiment['name']}", "Save", save) as dialog:
        fields = {key: text_field(key, value) for key, value in sorted(before.items())}
        if fields:
            tag("p", "A tag whose value is emptied is taken away.", "ts-quiet ts-small")
        new_key = text_field("New tag", autofocus=True)
        new_value = text_field("Its value")
    _open(dialog)


def _open(dialog: ui.dialog) -> None:
    # Gone when closed: there may be a row for each of hundreds of experiments.
    dialog.on("hide", dialog.delete, [])
    dialog.open()
