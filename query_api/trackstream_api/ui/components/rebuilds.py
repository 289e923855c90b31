"""Replay and verify: begin one, see how far it is and what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.fields import text_field, tick_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.tables import panel, table
from trackstream_api.ui.components.values import count
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LOOK_S = 0.5
_KINDS = {"idle": "idle", "running": "live", "done": "good", "failed": "bad"}


async def rebuilds() -> None:
    """Build both panels."""
    await _replay()
    await _verify()


async def _replay() -> None:
    async def start() -> None:
        names = [name.strip() for name in topics.text.split(",") if name.strip()]
        body = {"topics": names, "since": since.text.strip() or None, "from_start": from_start.value}
        follow(await api().post("/replay", body))

    with asking("Rebuild the tables from the log?", "Rebuild", start) as dialog:
        tag("p", "New tables are built beside those in use, and put into their place at the end.", "ts-quiet")
        topics = text_field("Only these topics", hint="Such as runs, metrics; all where empty", mono=True)
        since = text_field(
            "Only what has changed since", hint="A time, or 10m for ten minutes ago", mono=True
        )
        from_start = tick_field("Throw away what a broken-off rebuild has built")
    with panel("Replay") as head:
        with head:
            act_button(
                "Rebuild", dialog.open, icon="replay", forbidden=IN_THE_PAST if as_of() else ""
            ).classes("ts-small-button")
        holder = tag("div", "", "ts-panel-body ts-column", aria_live="polite")
    follow = _follower("/replay", holder, _show_replay)
    await _first("/replay", holder, follow)


async def _verify() -> None:
    async def start() -> None:
        names = [name.strip() for name in topics.text.split(",") if name.strip()]
        follow(await api().post("/verify", {"topics": names}))

    with asking("Compare the tables with the log?", "Compare", start) as dialog:
        tag(
            "p",
            "What follows from the log is compared with what readers see. Nothing is changed.",
            "ts-quiet",
        )
        topics = text_field("Only these topics", hint="Such as runs, metrics; all where empty", mono=True)
    with panel("Verify") as head:
        with head:
            act_button("Compare", dialog.open, icon="fact_check").classes("ts-small-button")
        holder = tag("div", "", "ts-panel-body ts-column", aria_live="polite")
    follow = _follower("/verify", holder, _show_verify)
    await _first("/verify", holder, follow)


async def _first(path: str, holder: ui.element, follow: Callable[[Any], None]) -> None:
    try:
        follow(await api().get(path))
    except ApiFailure as failure:
        # On API replicas the tables are rebuilt by another process.
        with holder:
            tag("p", failure.message, "ts-quiet")


def _follower(path: str, holder: ui.element, show: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return what shows a state, and goes on to ask while the job runs."""

    def shown(state: Mapping[str, Any]) -> None:
        holder.clear()
        with holder:
            show(state)
        timer.active = state["state"] == "running"

    async def look() -> None:
        try:
            shown(await api().get(path))
        except ApiFailure:
            # Asked again at the next look.
            return

    timer = ui.timer(_LOOK_S, look, active=False)
    return shown


def _show_replay(state: Mapping[str, Any]) -> None:
    if state["state"] == "idle":
        tag("p", "None since this server was started.", "ts-faint")
        return
    _progress(state)
    if state["points_per_second"]:
        tag("p", f"{count(round(state['points_per_second']))} points per second", "ts-quiet")
    if state["missing_contents"]:
        tag(
            "p",
            f"{count(state['missing_contents'])} contents of files are nowhere any more.",
            "ts-note is-bad",
        )
        with table(("File", "Of", "SHA-256"), label="Missing contents") as rows:
            for missing in state["missing"]:
                with rows.row() as row:
                    row.cell(missing["path"], "ts-mono is-wide")
                    row.cell(missing["owner"], "ts-mono")
                    row.cell(missing["sha256"][:12], "ts-mono")


def _show_verify(state: Mapping[str, Any]) -> None:
    if state["state"] == "idle":
        tag("p", "None since this server was started.", "ts-faint")
        return
    _progress(state)
    if state["equal"] is not None:
        with tag("div", "", "ts-row"):
            chip("equal" if state["equal"] else "different", "good" if state["equal"] else "bad")
            words = (
                "The tables are what the log says."
                if state["equal"]
                else "The tables are not what the log says."
            )
            tag("span", words)
    if state["tables"]:
        with table(("Table", "Rows", "Different", "First difference"), numbers=("Rows", "Different")) as rows:
            for verdict in state["tables"]:
                with rows.row() as row:
                    row.cell(verdict["table"], "ts-mono")
                    row.cell(count(verdict["rows"]))
                    row.cell(count(verdict["different"]))
                    row.cell(_difference(verdict["first"]), "ts-mono is-wide")


def _difference(first: Mapping[str, Any] | None) -> str:
    if first is None:
        return ""
    where = ", ".join(f"{name}={value}" for name, value in first["identity"].items())
    return f"{where}: {first['column'] or 'row'} is {first['live']}, should be {first['log']}"


def _progress(state: Mapping[str, Any]) -> None:
    total, read = state["records_total"], state["records_done"]
    with tag("div", "", "ts-row"):
        chip(state["state"], _KINDS[state["state"]])
        tag("span", f"{count(read)} of {count(total)} records", "ts-quiet")
        if state.get("resumed"):
            chip("gone on with")
    tag(
        "progress",
        "",
        "ts-progress",
        max=max(1, total),
        value=min(read, max(1, total)),
        aria_label="Records read",
    )
    if state["error"]:
        tag("p", state["error"], "ts-note is-bad ts-pre")
