"""Promoting a version: an alias that points at it, or a stage that it moves to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import asking
from trackstream_api.ui.components.fields import choice_field, text_field, tick_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.mounting import api

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STAGES = ("None", "Staging", "Production", "Archived")


def promote_dialog(version: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> ui.dialog:
    """Return the dialog that promotes `version`, offering the aliases of `versions`."""
    name, number = version["name"], version["version"]

    async def promote() -> None:
        wanted = alias.text.strip().removeprefix("@")
        if wanted:
            await api().put(path_of("models", name, "aliases", wanted), {"version": number})
        if stage.text != version["stage"]:
            await api().post(
                f"{path_of('models', name, 'versions', str(number))}/stage",
                {"stage": stage.text, "archive_existing": archive.value},
            )
        ui.navigate.reload()

    with asking(f"Promote version {number}", "Promote", promote) as dialog:
        alias = text_field("Alias", hint="Such as champion; it points at no other version then", mono=True)
        known = sorted({one for other in versions for one in other["aliases"]})
        if known:
            listed = f"aliases-{name}-{number}"
            alias.control.props["list"] = listed
            with tag("datalist", id=listed):
                for one in known:
                    tag("option", value=one)
        stage = choice_field("Stage", [(one, one) for one in _STAGES], version["stage"])
        archive = tick_field("Archive the versions that are in that stage now")
    return dialog
