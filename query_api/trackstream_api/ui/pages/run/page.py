"""The page of a run: its head, its tabs, and what keeps it current while the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from trackstream_api.ui.api import ApiFailure
from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.run_follower import RunFollower
from trackstream_api.ui.components.states import empty
from trackstream_api.ui.components.values import count
from trackstream_api.ui.mounting import static_url
from trackstream_api.ui.page import page
from trackstream_api.ui.pages.run.artifacts import artifacts
from trackstream_api.ui.pages.run.branches import branches, has_branches
from trackstream_api.ui.pages.run.head import head
from trackstream_api.ui.pages.run.history import history
from trackstream_api.ui.pages.run.metrics import metrics, system_metrics
from trackstream_api.ui.pages.run.overview import overview
from trackstream_api.ui.pages.run.shown import ShownRun
from trackstream_api.ui.places import PREFIX, as_of, asked, place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trackstream_api.ui.components.run_follower import Change

_TABS: dict[str, tuple[str, Callable[[ShownRun], Awaitable[None]]]] = {
    "overview": ("Overview", overview),
    "metrics": ("Metrics", metrics),
    "system": ("System", system_metrics),
    "artifacts": ("Artifacts", artifacts),
    "history": ("History", history),
    "branches": ("Branches", branches),
}


@page("/runs/{run_id}", "runs", "Run")
async def run(run_id: str) -> None:
    """Show a run."""
    for sheet in ("forms.css", "run.css"):
        ui.add_head_html(f'<link rel="stylesheet" href="{static_url(sheet)}">')
    try:
        shown = await ShownRun.read(run_id)
    except ApiFailure as failure:
        if failure.status != 404 or as_of() is None:
            raise
        with empty("This run was not there then", failure.message, "history"):
            tag("a", "Show it as it is now", "ts-button", href=f"{PREFIX}{shown_path(run_id)}")
        return
    tab = asked("tab") or "overview"
    if tab not in _TABS:
        tab = "overview"
    head(shown)
    await _tabs(shown, tab)
    with tag("div", "", "ts-run-tab", id="tab"):
        await _TABS[tab][1](shown)
    if shown.is_live:
        RunFollower(run_id, shown.read_at, shown.changed)


def shown_path(run_id: str) -> str:
    """Return the path of a run's page, without the moment that is shown."""
    return place("runs", run_id).removeprefix(PREFIX).partition("?")[0]


async def _tabs(shown: ShownRun, current: str) -> None:
    counts: dict[str, Any] = {}
    rewound = current == "branches" or await has_branches(shown)
    with tag("nav", "", "ts-tabs", aria_label="Parts of the run"):
        for name, (words, _) in _TABS.items():
            if name == "branches" and not rewound:
                continue
            address = place("runs", shown.run_id, tab=None if name == "overview" else name)
            here = name == current
            counted = name in ("metrics", "system")
            with tag(
                "a",
                f"{words} " if counted else words,
                "ts-tab" + (" is-current" if here else ""),
                href=address,
                aria_current="page" if here else None,
            ):
                if counted:
                    counts[name] = tag("span", "", "ts-tab-count")

    async def recount(_: Change | None = None) -> None:
        found = {"metrics": len(shown.own_metrics), "system": len(shown.system_metrics)}
        for name, label in counts.items():
            label.text = count(found[name])

    await recount()
    shown.when_changed(recount)
