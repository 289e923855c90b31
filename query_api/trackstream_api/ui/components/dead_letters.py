"""Records that projectors gave up: what they hold, why, and what to do with them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.states import done, empty
from trackstream_api.ui.components.tables import fact, facts, panel, table
from trackstream_api.ui.components.values import ago, moment
from trackstream_api.ui.mounting import api
from trackstream_api.ui.places import as_of, asked, place

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATES = (("open", "Open"), ("retried", "Retried"), ("dropped", "Dismissed"), ("all", "All"))
_KINDS = {"open": "bad", "retried": "good", "dropped": "idle"}
_MOST = 200
_COLUMNS = ("State", "Given up", "Where", "Projector", "Error", "")


async def dead_letters() -> None:
    """Build the panel; which ones it shows is in the address (`?letters=`)."""
    state = asked("letters") or "open"

    async def read() -> Any:
        return await api().get("/dead-letters", state=state, limit=_MOST)

    found = await read()
    with panel("Dead letters") as head:
        with head, tag("nav", "", "ts-row", aria_label="Which dead letters"):
            for name, words in _STATES:
                chosen = " is-chosen" if name == state else ""
                tag(
                    "a",
                    words,
                    f"ts-button ts-small-button{chosen}",
                    href=place("system", letters=None if name == "open" else name) + "#letters",
                    aria_current="true" if chosen else None,
                )
        holder = tag("div", id="letters")

    async def refresh() -> None:
        given = await read()
        holder.clear()
        show(given)

    def show(given: Any) -> None:
        with holder:
            _list(given["dead_letters"], state, refresh)

    show(found)


def _list(letters: list[dict[str, Any]], state: str, refresh: Any) -> None:
    if not letters:
        title = "No record was given up" if state in ("open", "all") else "None"
        with empty(
            title, "Records that cannot be applied are kept here, and the others go on.", "mark_email_read"
        ):
            return
    now = time.time_ns() // 1_000_000
    with table(_COLUMNS, label="Dead letters") as rows:
        for letter in letters:
            position = f"{letter['topic']}:{letter['partition']}:{letter['offset']}"
            with rows.row() as row:
                with row.cell():
                    chip(
                        "dismissed" if letter["state"] == "dropped" else letter["state"],
                        _KINDS[letter["state"]],
                    )
                row.cell(ago(letter["occurred_at"], now), "ts-nowrap ts-quiet", moment(letter["occurred_at"]))
                row.cell(position.removeprefix("trackstream."), "ts-mono ts-nowrap", position)
                row.cell(letter["projector"])
                row.cell(f"{letter['error_type']}: {letter['error_message']}", "ts-mono is-wide")
                with row.cell(classes="is-wide"), tag("div", "", "ts-row ts-acts"):
                    tag("div", "", "ts-grow")
                    _acts(letter, position, refresh)


def _acts(letter: Mapping[str, Any], position: str, refresh: Any) -> None:
    past, path = IN_THE_PAST if as_of() else "", f"/dead-letters{path_of(position)}"
    settled = "" if letter["state"] == "open" else f"It was {letter['state']} already"

    async def retry() -> None:
        told = await api().post(f"{path}/retry", {"reason": why_again.text})
        done("It was given up again" if told["given_up_again"] else "The record went through")
        await refresh()

    async def drop() -> None:
        await api().post(f"{path}/drop", {"reason": why_not.text})
        await refresh()

    async def show() -> None:
        found = await api().get(path, consistency="eventual")
        body.clear()
        with body:
            _detail(found)
        detail.open()

    with asking("Append the record again?", "Retry", retry) as retrying:
        tag("p", "At the end of its topic, once what kept it from being applied is mended.", "ts-quiet")
        why_again = text_field("Reason")
    with asking("Dismiss the record?", "Dismiss", drop, danger=True) as dropping:
        tag("p", "It stays on the log, marked with who dismissed it and why.", "ts-quiet")
        why_not = text_field("Reason", required=True)
    with ui.dialog() as detail, tag("div", "", "ts-dialog is-large q-card"):
        detail.props["aria-label"] = f"Dead letter {position}"
        tag("h2", position, "ts-heading ts-mono")
        body = tag("div", "", "ts-column")
        tag("button", "Close", "ts-button", type="button").on("click", detail.close, [])
    for words, do, forbidden in (
        ("Show", show, ""),
        ("Retry", retrying.open, past or settled),
        ("Dismiss", dropping.open, past or settled),
    ):
        button = act_button(words, do, forbidden=forbidden)
        button.classes("ts-small-button").props["aria-label"] = f"{words} {position}"


def _detail(found: Mapping[str, Any]) -> None:
    letter = found["letter"]
    with facts():
        fact("Schema", found["schema_name"] or "unknown", "ts-mono")
        fact("Key", letter["key"], "ts-mono")
        fact("Error", f"{letter['error_type']}: {letter['error_message']}", "ts-mono ts-pre")
        fact("Given up", moment(letter["occurred_at"]))
        if letter["state"] != "open":
            by = f" by {letter['resolved_by']}" if letter["resolved_by"] else ""
            fact(
                "Since then",
                f"{letter['state']}{by}, {moment(letter['resolved_at'])}: {letter['reason'] or '–'}",
            )
        if found["unreadable"]:
            fact("Unreadable", found["unreadable"], "ts-pre")
    if found["event"] is not None:
        shown = json.dumps(found["event"], indent=2, ensure_ascii=False)
        tag("pre", shown, "ts-command ts-pre", tabindex=0, aria_label="The record")
    else:
        tag("pre", letter["value"], "ts-command ts-pre", tabindex=0, aria_label="The record, base64")
