"""The registered models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.model_marks import alias_chips, stage_chip, tag_chips
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.tables import table
from trackstream_api.ui.components.values import ago, moment
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, asked, go, place

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE = 50
_ORDERS = {"name": "name", "changed": "last_updated_timestamp DESC"}
_COLUMNS = ("Model", "Latest", "Aliases", "Stages", "Description", "Tags", "Changed")
_OPERATORS = ("=", "<", ">", " like ", " ilike ", " in ")


@page("/models", "models", "Models")
async def models() -> None:
    """List and search them, make one."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    query, order = asked("q") or "", asked("order") or "changed"
    _toolbar(query, order)
    found = await api().get(
        "/models",
        filter=filter_of(query) or None,
        order_by=_ORDERS.get(order, _ORDERS["changed"]),
        limit=_PAGE,
        page_token=asked("page"),
        as_of=as_of(),
    )
    if not found["models"]:
        _nothing(query)
        return
    _list(found["models"])
    if found["next_page_token"]:
        more = place("models", q=query, order=order, page=found["next_page_token"])
        with tag("div", "", "ts-row"):
            tag("a", "Next page", "ts-button", href=more)


def filter_of(text: str) -> str:
    """Return the filter of what was typed: a filter, or a part of a name."""
    text = text.strip()
    if not text or any(operator in text.lower() for operator in _OPERATORS):
        return text
    quoted = text.replace("'", "''")
    return f"name ILIKE '%{quoted}%'"


def _toolbar(query: str, order: str) -> None:
    with tag("form", "", "ts-toolbar", role="search", method="get", action=place("models").partition("?")[0]):
        tag(
            "input",
            "",
            "ts-input ts-search",
            type="search",
            name="q",
            placeholder="Part of a name, or a filter: tags.team = 'vision'",
            aria_label="Search models",
            data_search=True,
        ).props["^value"] = query
        if order != "changed":
            tag("input", "", type="hidden", name="order").props["^value"] = order
        if as_of():
            tag("input", "", type="hidden", name="as_of").props["^value"] = as_of()
        tag("button", "Search", "ts-button", type="submit")
        for name, words in (("changed", "Last changed"), ("name", "By name")):
            tag(
                "a",
                words,
                "ts-tab" + (" is-current" if name == order else ""),
                href=place("models", q=query, order=name),
            )
        tag("div", "", "ts-grow")
        _new_model()


def _new_model() -> None:
    async def create() -> None:
        body = {"name": name.text.strip(), "description": description.text}
        made = await api().post("/models", body)
        go("models", made["name"])

    with asking("New registered model", "Create", create) as dialog:
        name = text_field("Name", required=True, hint="At most 256 characters, without / and :")
        description = text_field("Description", rows=3)
    act_button("New model", dialog.open, icon="add", forbidden=IN_THE_PAST if as_of() else "", main=True)


def _nothing(query: str) -> None:
    if query:
        with empty("No model fits", f"Nothing is called or tagged like “{query}”.", "search_off"):
            tag("a", "All models", "ts-button", href=place("models"))
        return
    with empty(
        "No registered models yet",
        "A run's model becomes a version: trackstream.register_model(f'runs:/{run_id}/model', 'name').",
        "inventory_2",
    ):
        pass


def _list(found: list[dict[str, Any]]) -> None:
    now = time.time_ns() // 1_000_000
    with (
        tag("section", "", "ts-panel", aria_label="Registered models"),
        table(_COLUMNS, label="Models") as rows,
    ):
        for model in found:
            with rows.row() as row:
                with row.cell(classes="ts-nowrap"):
                    link(model["name"], place("models", model["name"]))
                with row.cell():
                    _latest(model)
                with row.cell():
                    alias_chips(model["aliases"])
                with row.cell(), tag("div", "", "ts-chips"):
                    for version in model["latest_versions"]:
                        if version["stage"] != "None":
                            stage_chip(version["stage"], f" {version['version']}")
                row.cell(model["description"], "ts-quiet is-wide ts-clamp", model["description"])
                with row.cell(classes="is-wide"):
                    tag_chips(model["tags"])
                row.cell(ago(model["updated_at"], now), "ts-nowrap ts-quiet", moment(model["updated_at"]))


def _latest(model: Mapping[str, Any]) -> None:
    highest = max((version["version"] for version in model["latest_versions"]), default=None)
    if highest is None:
        tag("span", "–", "ts-faint")
    else:
        link(f"v{highest}", place("models", model["name"], "versions", str(highest)))
