"""The head of a run's page: what it is called, how it stands, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components import states
from trackstream_api.ui.components.asking import IN_THE_PAST, act_button, asking
from trackstream_api.ui.components.chips import chip, status_chip
from trackstream_api.ui.components.copy_button import CopyButton
from trackstream_api.ui.components.fields import text_field
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.run_follower import Change
from trackstream_api.ui.components.ticking import Ticking
from trackstream_api.ui.frame import titled
from trackstream_api.ui.mounting import api
from trackstream_api.ui.pages.run.loading import loading_dialog
from trackstream_api.ui.places import as_of, place

if TYPE_CHECKING:
    from trackstream_api.ui.pages.run.shown import ShownRun

CHANGED = Change(frozenset({"runs"}), frozenset())
"""What an act of this page changes."""


def head(shown: ShownRun) -> None:
    """Build it, and keep it current."""
    with tag("div", "", "ts-run-head"):
        state = tag("div", "", "ts-run-state", role="status", aria_label="State")
        with tag("div", "", "ts-run-id"):
            tag("span", shown.run_id, "ts-mono ts-cut", title="The run's id")
            CopyButton(shown.run_id, "Copy the run's id")
        tag("div", "", "ts-grow")
        with tag("div", "", "ts-run-acts", role="group", aria_label="Acts"):
            _acts(shown)
    known: tuple[str | None, ...] = ()
    stage = shown.run["lifecycle_stage"]

    def show() -> None:
        nonlocal known
        run = shown.run
        now = run["name"], run["experiment_name"], run["status"], run["end_time"]
        if now == known:
            return
        known = now
        _title(shown)
        state.clear()
        with state:
            _state(shown)

    async def changed(_: Change) -> None:
        if shown.run["lifecycle_stage"] != stage:
            # What can be done is another thing then, everywhere on the page.
            ui.navigate.reload()
        else:
            show()

    show()
    shown.when_changed(changed)


def _title(shown: ShownRun) -> None:
    run = shown.run
    experiment = run["experiment_name"] or run["experiment_id"]
    titled(
        run["name"] or shown.run_id,
        [("Experiments", place("experiments")), (experiment, place("experiments", run["experiment_id"]))],
    )


def _state(shown: ShownRun) -> None:
    run = shown.run
    status_chip(run["status"])
    if run["lifecycle_stage"] == "deleted":
        chip("deleted", "bad")
    if run["end_time"] or as_of() is None:
        Ticking(run["start_time"], run["end_time"])


def _acts(shown: ShownRun) -> None:
    past = IN_THE_PAST if as_of() else ""
    loading = loading_dialog(shown)
    act_button("Load", loading.open, icon="code", title="How to load this run in a program")
    with tag(
        "a", "", "ts-button", href=place("compare", runs=[shown.run_id]), title="Compare with other runs"
    ):
        ui.icon("stacked_line_chart").props("aria-hidden=true")
        tag("span", "Compare")
    act_button("Rename", _renaming(shown).open, icon="edit", forbidden=shown.forbidden)
    if shown.run["lifecycle_stage"] == "deleted":

        async def restore() -> None:
            try:
                run = await api().post(f"{shown.path}/restore")
            except ApiFailure as failure:
                states.refused(failure)
                return
            await shown.took(run, CHANGED)

        act_button("Restore", restore, icon="restore_from_trash", forbidden=past)
    else:
        act_button("Delete", _deleting(shown).open, icon="delete_outline", forbidden=past, danger=True)


def _renaming(shown: ShownRun) -> ui.dialog:
    async def rename() -> None:
        await shown.took(await api().patch(shown.path, {"name": name.text}), CHANGED)

    with asking("Rename the run", "Rename", rename) as dialog:
        name = text_field("Name", shown.run["name"], required=True)
    return dialog


def _deleting(shown: ShownRun) -> ui.dialog:
    async def delete() -> None:
        await shown.took(await api().delete(shown.path), CHANGED)

    with asking("Delete this run?", "Delete", delete, danger=True) as dialog:
        tag("p", "It can be restored until garbage collection purges deleted runs.", "ts-quiet")
    return dialog
