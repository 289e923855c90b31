"""One registered model: its versions, aliases, tags, and who promoted what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.model_acts import promote_dialog
from trackstream_api.ui.components.model_aliases import aliases_panel
from trackstream_api.ui.components.model_marks import alias_chips, stage_chip
from trackstream_api.ui.components.model_timeline import timeline
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.tables import fact, facts, panel, table
from trackstream_api.ui.components.tag_editor import tag_editor
from trackstream_api.ui.components.values import ago, moment
from trackstream_api.ui.frame import titled
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, go, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERSIONS = 200
_HISTORY = 10_000
_COLUMNS = ("Version", "Stage", "Aliases", "Run", "Source", "Description", "Registered", "")


@page("/models/{name}", "models", "Model")
async def model(name: str) -> None:
    """Show it."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    titled(name, [("Models", place("models"))])
    found = await api().get(path_of("models", name), as_of=as_of())
    quoted = name.replace("'", "''")
    listed = await api().get(
        "/model-versions",
        filter=f"name = '{quoted}'",
        order_by="version_number DESC",
        limit=_VERSIONS,
        as_of=as_of(),
    )
    history = await api().get(path_of("history", "models", name), limit=_HISTORY, as_of=as_of())
    versions, entries = listed["versions"], history["entries"]
    _acts(found)
    with tag("div", "", "ts-split"):
        with tag("div"):
            _versions(found, versions, more=bool(listed["next_page_token"]))
            timeline(entries)
        with tag("div"):
            aliases_panel(found, versions, entries)
            tag_editor(found["tags"], f"{path_of('models', name)}/tags")
            _facts(found)


def _acts(model: Mapping[str, Any]) -> None:
    past, path = IN_THE_PAST if as_of() else "", path_of("models", model["name"])

    async def describe() -> None:
        await api().patch(path, {"description": description.text})
        ui.navigate.reload()

    async def rename() -> None:
        changed = await api().patch(path, {"name": name.text.strip()})
        go("models", changed["name"])

    async def delete() -> None:
        await api().delete(path)
        go("models")

    with asking("Describe the model", "Save", describe) as describing:
        description = text_field("Description", model["description"], rows=6)
    with asking("Rename the model", "Rename", rename) as renaming:
        name = text_field("Name", model["name"], required=True, hint="Versions, aliases and history stay")
    with asking(f"Delete {model['name']}?", "Delete for good", delete, danger=True) as deleting:
        tag("p", "The model and all its versions are deleted for good. Runs and their files stay.")
    with tag("div", "", "ts-row"):
        tag(
            "p",
            model["description"] or "No description",
            "ts-pre" + ("" if model["description"] else " ts-faint"),
        )
        tag("div", "", "ts-grow")
        act_button("Describe", describing.open, icon="edit", forbidden=past)
        act_button("Rename", renaming.open, icon="drive_file_rename_outline", forbidden=past)
        act_button("Delete", deleting.open, icon="delete", forbidden=past, danger=True)


def _versions(model: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], *, more: bool) -> None:
    now = time.time_ns() // 1_000_000
    with panel("Versions") as head:
        with head:
            tag("span", f"{len(versions)}{'+' if more else ''}", "ts-quiet")
        if not versions:
            with empty("No versions", "trackstream.register_model(f'runs:/{run_id}/model', name) makes one."):
                return
        with table(_COLUMNS, label="Versions") as rows:
            for version in versions:
                with rows.row() as row:
                    with row.cell(classes="ts-nowrap"):
                        number = str(version["version"])
                        link(f"v{number}", place("models", model["name"], "versions", number))
                    with row.cell():
                        stage_chip(version["stage"])
                    with row.cell():
                        alias_chips(version["aliases"])
                    with row.cell(classes="ts-nowrap"):
                        run_link(version["run_id"])
                    row.cell(
                        version["source"], "ts-mono ts-clamp is-short ts-quiet is-wide", version["source"]
                    )
                    row.cell(
                        version["description"], "ts-clamp is-short ts-quiet is-wide", version["description"]
                    )
                    by = f" by {version['user_id']}" if version["user_id"] else ""
                    row.cell(
                        f"{ago(version['created_at'], now)}{by}",
                        "ts-nowrap ts-quiet",
                        moment(version["created_at"]),
                    )
                    with row.cell():
                        _promote(version, versions)


def _promote(version: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> None:
    dialog = promote_dialog(version, versions)
    button = act_button("Promote", dialog.open, icon="trending_up", forbidden=IN_THE_PAST if as_of() else "")
    button.classes("ts-small-button").props["aria-label"] = f"Promote version {version['version']}"


def run_link(run_id: str | None) -> None:
    """Show the run that made a version."""
    if run_id:
        link(run_id[-8:], place("runs", run_id), run_id).classes("ts-mono")
    else:
        tag("span", "–", "ts-faint")


def _facts(model: Mapping[str, Any]) -> None:
    with panel("About"), facts():
        fact("Created", moment(model["created_at"]))
        fact("Changed", moment(model["updated_at"]))
        fact("Id", model["registered_model_id"], "ts-mono")
        if model["conflicts"]:
            fact("Lost races", str(len(model["conflicts"])))
