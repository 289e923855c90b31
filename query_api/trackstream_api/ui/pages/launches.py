"""The launches of projects, as they go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.launch_events import LaunchEvents
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.tables import table
from trackstream_api.ui.components.ticking import Ticking
from trackstream_api.ui.components.values import ago, duration, moment
from trackstream_api.ui.launch_words import kind_of, parameters_of, project_of, without_heartbeats
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, asked, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PAGE = 100
_GROUPS = {
    "all": ("All", None),
    "active": ("Going on", ["requested", "preparing", "ready", "running"]),
    "finished": ("Finished", ["finished"]),
    "failed": ("Failed", ["failed"]),
    "cancelled": ("Cancelled", ["cancelled"]),
}
_COLUMNS = (
    "Launch",
    "State",
    "Project",
    "Entry point",
    "Parameters",
    "Run",
    "Queue",
    "Machine",
    "Requested",
    "Took",
)


@page("/launches", "launches", "Launches")
async def launches() -> None:
    """List them; what changes meanwhile is shown at once."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("launches.css")}">')
    group, queue, token = asked("state") or "all", asked("queue"), asked("page")
    states = _GROUPS.get(group, _GROUPS["all"])[1]
    moment_shown = as_of()

    async def read() -> Any:
        return await api().get(
            "/launches", state=states, queue=queue, limit=_PAGE, page_token=token, as_of=moment_shown
        )

    found = await read()
    _toolbar(group, queue)
    holder = tag("div", "", "ts-column")

    def show(given: Any) -> None:
        with holder:
            _list(given["launches"], filtered=group != "all" or queue is not None)
            if given["next_page_token"]:
                more = place("launches", state=group, queue=queue, page=given["next_page_token"])
                with tag("div", "", "ts-row"):
                    tag("a", "Older ones", "ts-button", href=more)

    before = [without_heartbeats(launch) for launch in found["launches"]]

    async def refresh() -> None:
        nonlocal before
        given = await read()
        now = [without_heartbeats(launch) for launch in given["launches"]]
        if now == before:
            return
        before = now
        holder.clear()
        show(given)

    show(found)
    if moment_shown is None and token is None:
        LaunchEvents(refresh)


def _toolbar(group: str, queue: str | None) -> None:
    with tag("div", "", "ts-toolbar"):
        with tag("nav", "", "ts-toolbar", aria_label="States"):
            for name, (words, _) in _GROUPS.items():
                current = name == group
                tag(
                    "a",
                    words,
                    "ts-button" + (" is-chosen" if current else ""),
                    href=place("launches", state=None if name == "all" else name, queue=queue),
                    aria_current="true" if current else None,
                )
        if queue is not None:
            with tag("a", "", "ts-button is-chosen", href=place("launches", state=group)):
                tag("span", f"Queue {queue}")
                ui.icon("close").props("aria-hidden=true")
        tag("div", "", "ts-grow")
        with tag("a", "", "ts-button is-main", href=place("start-launch")):
            ui.icon("add").props("aria-hidden=true")
            tag("span", "Start a launch")


def _list(found: Sequence[Mapping[str, Any]], *, filtered: bool) -> None:
    if not found:
        if filtered:
            with empty("No such launches", "None is in this state or queue.", "search_off"):
                tag("a", "All launches", "ts-button", href=place("launches"))
            return
        with empty(
            "No launches yet",
            "trackstream run PROJECT launches one here; with --queue it waits for a launch-worker.",
            "rocket_launch",
        ):
            return
    now = time.time_ns() // 1_000_000
    with tag("section", "", "ts-panel", aria_label="Launches"), table(_COLUMNS, label="Launches") as rows:
        for launch in found:
            with rows.row() as row:
                _row(row, launch, now)


def _row(row: Any, launch: Mapping[str, Any], now: int) -> None:
    with row.cell(classes="ts-nowrap ts-mono"):
        link(launch["launch_id"][-8:], place("launches", launch["launch_id"]), launch["launch_id"])
    with row.cell():
        chip(launch["state"], kind_of(launch["state"]))
    row.cell(project_of(launch), title=launch["uri"])
    row.cell(launch["entry_point"], "ts-mono")
    row.cell(parameters_of(launch), "ts-mono ts-quiet ts-clamp is-wide", parameters_of(launch))
    with row.cell(classes="ts-nowrap ts-mono"):
        link(launch["run_id"][-8:], place("runs", launch["run_id"]), launch["run_id"])
    with row.cell():
        if launch["queue"] is not None:
            link(launch["queue"], place("launches", queue=launch["queue"]))
    row.cell(launch["host"], "ts-quiet")
    row.cell(ago(launch["requested_at"], now), "ts-nowrap ts-quiet", moment(launch["requested_at"]))
    begun, ended = launch["claimed_at"], launch["ended_at"]
    with row.cell(classes="ts-nowrap ts-quiet"):
        if begun is None:
            tag("span", "–")
        elif ended is not None:
            tag("span", duration(ended - begun))
        else:
            Ticking(begun, None)
