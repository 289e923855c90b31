"""One launch: how far it is, what it was asked to do, what it prints; cancel it, launch it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import path_of
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.chips import chip
from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.launch_events import LaunchEvents
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.live_log import LiveLog
from trackstream_api.ui.components.states import done
from trackstream_api.ui.components.tables import fact, facts, panel, table
from trackstream_api.ui.components.values import duration, moment
from trackstream_api.ui.frame import titled
from trackstream_api.ui.launch_words import (
    OVER,
    command_to_repeat,
    kind_of,
    log_hint,
    project_of,
    stages_of,
    without_heartbeats,
)
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.places import as_of, go, place

if TYPE_CHECKING:
    from collections.abc import Mapping


@page("/launches/{launch_id}", "launches", "Launch")
async def launch(launch_id: str) -> None:
    """Show it, and what becomes of it meanwhile."""
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("forms.css")}">')
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("launches.css")}">')
    past, path = as_of(), path_of("launches", launch_id)
    found = await api().get(path, as_of=past)
    # Apart from what is drawn anew: somebody may be writing in it.
    cancelling = _cancel_dialog(launch_id)
    head = tag("div", "", "ts-column")
    with tag("div", "", "ts-split"):
        with tag("div"):
            if past is None:
                live = found["state"] not in OVER
                log = LiveLog(launch_id, found["run_id"], live=live, none=log_hint(found))
            else:
                log = None
                tag(
                    "p",
                    "What it had printed at a past moment is not known: go back to now to read it.",
                    "ts-note",
                )
            _parameters(found)
        side = tag("div")

    def show(shown: Mapping[str, Any]) -> None:
        titled(f"{project_of(shown)} · {shown['entry_point']}", [("Launches", place("launches"))])
        with head:
            _head(shown, cancelling)
        with side:
            _facts(shown)

    before = without_heartbeats(found)

    async def refresh() -> None:
        nonlocal before
        now = await api().get(path)
        if without_heartbeats(now) == before:
            # Whoever is at a button by the keyboard stays there.
            return
        before = without_heartbeats(now)
        head.clear()
        side.clear()
        show(now)
        if log is not None:
            log.set_live(live=now["state"] not in OVER, none=log_hint(now))

    show(found)
    if past is None and found["state"] not in OVER:
        LaunchEvents(refresh, launch_id)


def _cancel_dialog(launch_id: str) -> ui.dialog:
    async def cancel() -> None:
        asked = await api().post(f"{path_of('launches', launch_id)}/cancel", {"reason": reason.text})
        done("The launch is cancelled" if asked["state"] in OVER else "The launch is asked to end")

    with asking("Cancel the launch?", "Cancel the launch", cancel, danger=True) as dialog:
        tag("p", "Its program is asked to end (SIGTERM), and killed some seconds later.", "ts-quiet")
        reason = text_field("Reason", hint="Kept with the launch")
    return dialog


def _head(launch: Mapping[str, Any], cancelling: ui.dialog) -> None:
    with tag("div", "", "ts-row"):
        chip(launch["state"], kind_of(launch["state"]))
        if launch["cancel_requested"] and launch["state"] not in OVER:
            chip("asked to end", "warn")
        tag("span", launch["launch_id"], "ts-mono ts-quiet")
        CopyButton(launch["launch_id"], "Copy the launch's id")
        tag("div", "", "ts-grow")
        _acts(launch, cancelling)
    if launch["reason"]:
        tag("p", launch["reason"], "ts-note ts-pre" + (" is-bad" if launch["state"] == "failed" else ""))
    _way(launch)


def _acts(launch: Mapping[str, Any], cancelling: ui.dialog) -> None:
    past = IN_THE_PAST if as_of() else ""
    over = launch["state"] in OVER
    ended = f"It is {launch['state']} already" if over else ""
    act_button("Cancel", cancelling.open, icon="stop_circle", forbidden=past or ended, danger=True)
    act_button(
        "Launch again",
        lambda: go("start-launch", retry_of=launch["launch_id"]),
        icon="replay",
        forbidden=past,
        main=over,
        title="With the same parameters, or others",
    )


def _way(launch: Mapping[str, Any]) -> None:
    before: int | None = None
    with panel("Way"), tag("ol", "", "ts-way"):
        for stage in stages_of(launch):
            reached = " is-reached" if stage.at is not None else ""
            with tag("li", "", f"ts-way-stage is-{stage.kind}{reached}", title=moment(stage.at)):
                tag("span", "", "ts-way-mark")
                tag("span", stage.name, "ts-way-name")
                if stage.at is None:
                    tag("span", "–", "ts-way-at")
                elif before is None:
                    tag("span", moment(stage.at)[11:], "ts-way-at")
                else:
                    tag("span", f"+{duration(stage.at - before)}", "ts-way-at")
                before = stage.at if stage.at is not None else before


def _parameters(launch: Mapping[str, Any]) -> None:
    with panel("Parameters"):
        if not launch["parameters"]:
            tag("p", "None were given: the project's defaults hold.", "ts-panel-body ts-faint")
            return
        with table(("Name", "Value"), label="Parameters") as rows:
            for name, value in sorted(launch["parameters"].items()):
                with rows.row() as row:
                    row.cell(name, "ts-mono")
                    row.cell(value, "ts-mono is-wide")


def _facts(launch: Mapping[str, Any]) -> None:
    with panel("Where it comes from"), facts():
        fact("Project", launch["source"] or launch["uri"], "ts-mono")
        if launch["project_version"]:
            fact("Version", launch["project_version"], "ts-mono")
        if launch["commit"]:
            changed = " (with changes)" if launch["dirty"] else ""
            fact("Commit", f"{launch['commit'][:12]}{changed}", "ts-mono")
        fact("Asked for by", launch["user_id"] or "–")
        for name, field in (("Repeats", "retry_of"), ("Part of", "parent_launch_id")):
            if launch[field]:
                with fact(name, "", "ts-mono"):
                    link(launch[field][-8:], place("launches", launch[field]), launch[field])
    with panel("Where it runs"), facts():
        with fact("Run", "", "ts-mono"):
            link(launch["run_id"][-8:], place("runs", launch["run_id"]), launch["run_id"])
        with fact("Experiment", ""):
            link(launch["experiment_id"], place("experiments", launch["experiment_id"]))
        if launch["queue"] is not None:
            with fact("Queue", ""):
                link(launch["queue"], place("launches", queue=launch["queue"]))
            fact("Attempts", f"{launch['attempts']} of {launch['max_attempts']}")
        fact("Backend", launch["backend"])
        fact("Environment", launch["environment"] or "–")
        if launch["image"]:
            fact("Image", launch["image"], "ts-mono")
        fact("Machine", launch["host"] or "–")
        if launch["command"]:
            fact("Command", launch["command"], "ts-mono")
        if launch["exit_code"] is not None:
            fact("Exit code", str(launch["exit_code"]))
    with panel("On the command line"), tag("div", "", "ts-panel-body"):
        tag("code", command_to_repeat(launch), "ts-command")
