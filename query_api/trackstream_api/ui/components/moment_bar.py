"""The one slider of time travel: which moment all pages show."""

from __future__ import annotations

from nicegui import ui

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.places import as_of


def moment_bar() -> None:
    """A button with the moment that is shown; it opens the slider, which `keys.js` moves."""
    moment = as_of()
    with tag("div", "", "ts-moment" + (" is-past" if moment else ""), id="moment"):
        with tag(
            "button",
            "",
            "ts-button ts-moment-button",
            type="button",
            aria_haspopup="true",
            aria_expanded="false",
            aria_controls="moment-panel",
            data_act="moment",
            aria_label=f"{moment or 'Now'}: show everything as it was at a moment",
            title="Show everything as it was at a moment",
        ):
            ui.icon("history").props("aria-hidden=true")
            tag("span", moment or "Now", "ts-moment-shown")
        with tag("div", "", "ts-moment-panel", id="moment-panel", hidden=True):
            tag("label", "As of", for_="moment-slider")
            tag("input", id="moment-slider", type="range", min=0, max=1000, value=1000)
            with tag("div", "", "ts-row ts-small ts-quiet"):
                tag("span", id="moment-from")
                tag("span", "", "ts-grow")
                tag("span", "now")
            tag("input", id="moment-exact", type="datetime-local", step=1, aria_label="Exact moment")
            with tag("div", "", "ts-row"):
                tag("button", "Show", "ts-button is-main", type="button", data_act="moment-show")
                tag("button", "Back to now", "ts-button", type="button", data_act="moment-now")
            tag("p", "Pages show what this store would have answered then.", "ts-quiet")
