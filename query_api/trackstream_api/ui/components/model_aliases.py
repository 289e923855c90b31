"""The aliases of a model: where they point, and back to where they pointed before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.fields import choice_field, text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.model_history import version_before
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def aliases_panel(
    model: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]
) -> None:
    """Show them; `entries` is the model's history, from which a roll back knows its way."""
    past = IN_THE_PAST if as_of() else ""
    numbers = [version["version"] for version in versions]
    with panel("Aliases") as head:
        if numbers:
            with head:
                _new_alias(model, numbers, past)
        if not model["aliases"]:
            tag("p", "An alias such as champion names the version that is in use.", "ts-panel-body ts-faint")
            return
        with table(("Alias", "Version", ""), label="Aliases") as rows:
            for alias, number in sorted(model["aliases"].items()):
                with rows.row() as row:
                    with row.cell():
                        tag("span", f"@{alias}", "ts-chip is-alias")
                    with row.cell():
                        link(f"v{number}", place("models", model["name"], "versions", str(number)))
                    with row.cell(), tag("div", "", "ts-row"):
                        tag("div", "", "ts-grow")
                        _roll_back(model["name"], alias, version_before(entries, alias, numbers), past)
                        _delete(model["name"], alias, past)


def _new_alias(model: Mapping[str, Any], numbers: Sequence[int], past: str) -> None:
    async def point() -> None:
        wanted = alias.text.strip().removeprefix("@")
        await api().put(path_of("models", model["name"], "aliases", wanted), {"version": int(version.text)})
        ui.navigate.reload()

    with asking("Point an alias", "Point", point) as dialog:
        alias = text_field("Alias", required=True, mono=True)
        version = choice_field("Version", [(str(one), f"v{one}") for one in numbers], str(numbers[0]))
    act_button("Point an alias", dialog.open, icon="add", forbidden=past).classes("ts-small-button")


def _roll_back(name: str, alias: str, before: int | None, past: str) -> None:
    async def roll_back() -> None:
        await api().put(path_of("models", name, "aliases", alias), {"version": before})
        ui.navigate.reload()

    forbidden = past or (
        "" if before is not None else "It has pointed at no other version that is still there"
    )
    with asking(f"Roll {alias} back to version {before}?", "Roll back", roll_back) as dialog:
        tag("p", f"The alias points at version {before} again, as it did before.", "ts-quiet")
    words = "Roll back" if before is None else f"Roll back to v{before}"
    button = act_button(words, dialog.open, icon="undo", forbidden=forbidden)
    button.classes("ts-small-button").props["aria-label"] = f"{words} ({alias})"


def _delete(name: str, alias: str, past: str) -> None:
    async def delete() -> None:
        await api().delete(path_of("models", name, "aliases", alias))
        ui.navigate.reload()

    with asking(f"Delete the alias {alias}?", "Delete", delete, danger=True) as dialog:
        tag("p", "Whoever loads the model by this alias finds it no more.", "ts-quiet")
    button = tag(
        "button",
        "",
        "ts-icon-button",
        type="button",
        aria_label=f"Delete the alias {alias}",
        title=past or f"Delete the alias {alias}",
        disabled=bool(past),
    )
    with button:
        ui.icon("close").props("aria-hidden=true")
    button.on("click", dialog.open, [])
