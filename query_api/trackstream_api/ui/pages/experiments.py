"""The experiments."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components import experiment_acts as acts
from trackstream_api.ui.components.asking import IN_THE_PAST
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.values import ago, count, moment
from trackstream_api.ui.experiment_search import ORDERS, search_filter
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import PREFIX, as_of, asked, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nicegui.events import GenericEventArguments

_PAGE = 50


@page("/experiments", "experiments", "Experiments")
async def experiments() -> None:
    """List them, a page at a time."""
    for sheet in ("forms.css", "runs.css"):
        ui.add_head_html(f'<link rel="stylesheet" href="{static_url(sheet)}">')
    await _Listing().build()


class _Listing:
    """The list: what is searched, in which order, and the rows that are shown."""

    def __init__(self) -> None:
        self.sought = asked("q") or ""
        self.view = asked("view") or "active"
        self.order = asked("sort") if asked("sort") in ORDERS else next(iter(ORDERS))
        self.as_of = as_of()
        self.past = IN_THE_PAST if self.as_of else None
        self.token: str | None = None

    async def build(self) -> None:
        with tag("div", "", "ts-column ts-experiments"):
            with tag("div", "", "ts-toolbar"):
                self._search_field()
                self._choice(
                    "Which experiments", {"active": "Active", "deleted": "Deleted", "all": "All"}, "view"
                )
                self._choice("Order", {name: words for name, (words, _) in ORDERS.items()}, "order")
                tag("div", "", "ts-grow")
                new = tag(
                    "button",
                    "New experiment",
                    "ts-button is-main",
                    type="button",
                    title=self.past,
                    disabled=bool(self.past),
                )
                new.on("click", acts.create_dialog)
            self.wrong = tag("p", "", "ts-wrong ts-runs-failure", role="alert")
            self.wrong.set_visibility(False)
            self.panel = tag("div", "", "ts-panel ts-scroll")
            self.more = tag("div", "", "ts-row")
        await self.show()

    async def show(self) -> None:
        """Show the first page of what is searched."""
        try:
            found = await self._ask(None)
        except ApiFailure as failure:
            if failure.status != 400:
                raise
            self.wrong.set_text(failure.message)  # type: ignore[attr-defined]
            self.wrong.set_visibility(True)
            return
        self.wrong.set_visibility(False)
        self.panel.clear()
        with self.panel:
            if found["experiments"]:
                with tag("table", "", "ts-table", aria_label="Experiments"):
                    _head()
                    self.body = tag("tbody")
            elif self.sought:
                with empty(
                    "No experiment matches",
                    "Try fewer letters, or look at deleted ones as well.",
                    "search_off",
                ):
                    pass
            else:
                with empty(
                    "No experiments", "The first run of a training makes its experiment by itself.", "science"
                ):
                    pass
        self._add(found)

    async def _ask(self, token: str | None) -> Any:
        filter_ = search_filter(self.sought)
        order_by = ORDERS[self.order or ""][1]
        return await api().get(
            "/experiments",
            filter=filter_,
            view=self.view,
            order_by=order_by,
            limit=_PAGE,
            page_token=token,
            include="activity",
            as_of=self.as_of,
        )

    def _add(self, found: Any) -> None:
        """Put rows behind those that are shown, and a way to the next ones."""
        if found["experiments"]:
            now = time.time_ns() // 1_000_000
            with self.body:
                for experiment in found["experiments"]:
                    self._row(experiment, now)
        self.token = found["next_page_token"]
        self.more.clear()
        if self.token:
            with self.more:
                tag("button", "Show more", "ts-button", type="button").on("click", self._further)

    async def _further(self) -> None:
        self._add(await self._ask(self.token))

    def _row(self, experiment: Mapping[str, Any], now: int) -> None:
        activity = experiment["activity"]
        deleted = experiment["lifecycle_stage"] == "deleted"
        with tag("tr"):
            with tag("td", "", "ts-cell-name"), tag("div", "", "ts-row"):
                link(experiment["name"], place("experiments", experiment["experiment_id"]))
                if deleted:
                    chip("deleted", "warn")
                if experiment["conflicts"]:
                    chip("conflict", "warn").props["title"] = (
                        "Another experiment bears this name: see its history"
                    )
            with tag("td", "", "ts-number"):
                tag("span", count(activity["run_count"]))
            with tag("td"):
                if activity["running"]:
                    chip(f"{count(activity['running'])} running", "live")
            last = activity["last_activity"]
            tag("td", ago(last, now), "ts-nowrap", title=f"{moment(last)} UTC" if last else None)
            created = experiment["created_at"]
            tag("td", moment(created)[:10], "ts-nowrap is-wide", title=f"{moment(created)} UTC")
            with tag("td", "", "is-wide"), tag("div", "", "ts-experiments-tags"):
                for key, value in sorted(experiment["tags"].items()):
                    tag("span", f"{key}: {value}", "ts-chip ts-cut", title=f"{key}: {value}")
            with tag("td", "", "ts-experiments-acts"):
                self._acts(experiment, deleted)

    def _acts(self, experiment: Mapping[str, Any], deleted: bool) -> None:
        name = experiment["name"]
        if deleted:
            button = self._act("restore_from_trash", f"Restore {name}")
            button.on("click", lambda: acts.restore(experiment, self.show))
            return
        self._act("sell", f"Tags of {name}").on("click", lambda: acts.tags_dialog(experiment, self.show))
        if experiment["experiment_id"] != "0":
            rename = self._act("edit", f"Rename {name}")
            rename.on("click", lambda: acts.rename_dialog(experiment, self.show))
            delete = self._act("delete_outline", f"Delete {name}")
            delete.on("click", lambda: acts.delete_dialog(experiment, self.show))

    def _act(self, icon: str, words: str) -> ui.element:
        made = tag(
            "button",
            "",
            "ts-icon-button",
            type="button",
            aria_label=words,
            title=self.past or words,
            disabled=bool(self.past),
        )
        with made:
            ui.icon(icon).props("aria-hidden=true")
        return made

    def _search_field(self) -> None:
        field = tag(
            "input",
            "",
            "ts-input ts-experiments-search",
            type="search",
            placeholder="Name, or a filter such as tags.team = 'vision'",
            aria_label="Search experiments",
            data_search=True,
            spellcheck="false",
        )
        # As an attribute: what is typed is then not written over when rows come.
        field.props["^value"] = self.sought

        async def sought(event: GenericEventArguments) -> None:
            self.sought = str(event.args)
            await self._changed()

        # Typing is followed as it pauses.
        field.on(
            "input",
            sought,
            throttle=0.35,
            leading_events=False,
            js_handler="(event) => emit(event.target.value)",
        )

    def _choice(self, label: str, options: Mapping[str, str], of: str) -> None:
        with tag("select", "", "ts-select", aria_label=label) as choice:
            for name, words in options.items():
                option = tag("option", words, value=name)
                if name == getattr(self, of):
                    option.props["^selected"] = "selected"

        async def chosen(event: GenericEventArguments) -> None:
            setattr(self, of, str(event.args))
            await self._changed()

        choice.on("change", chosen, js_handler="(event) => emit(event.target.value)")

    async def _changed(self) -> None:
        query = {"q": self.sought, "view": self.view, "sort": self.order, "as_of": self.as_of}
        if self.view == "active":
            del query["view"]
        if self.order == next(iter(ORDERS)):
            del query["sort"]
        text = urlencode({name: value for name, value in query.items() if value})
        ui.navigate.history.replace(f"{PREFIX}/experiments" + (f"?{text}" if text else ""))
        await self.show()


def _head() -> None:
    with tag("thead"), tag("tr"):
        tag("th", "Name", scope="col")
        tag("th", "Runs", "ts-number", scope="col")
        tag("th", "", aria_label="Running now", scope="col")
        tag("th", "Last activity", scope="col")
        tag("th", "Created", "is-wide", scope="col")
        tag("th", "Tags", "is-wide", scope="col")
        tag("th", "", aria_label="Acts", scope="col")
