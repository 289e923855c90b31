"""What is around every page: navigation, the moment that is looked at, light or dark, help."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from nicegui import ElementFilter, ui

from trackstream_api.ui.components.html import tag
from trackstream_api.ui.components.links import link
from trackstream_api.ui.components.moment_bar import moment_bar
from trackstream_api.ui.mounting import api, static_url
from trackstream_api.ui.places import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Section = Literal["experiments", "runs", "compare", "models", "launches", "sql", "system"]

# Section, words, Material icon (NiceGUI's wheel brings the font), the key after `g`.
SECTIONS: tuple[tuple[Section, str, str, str], ...] = (
    ("experiments", "Experiments", "science", "e"),
    ("runs", "Runs", "table_rows", "r"),
    ("compare", "Compare", "stacked_line_chart", "c"),
    ("models", "Models", "inventory_2", "m"),
    ("launches", "Launches", "rocket_launch", "l"),
    ("sql", "SQL", "terminal", "q"),
    ("system", "System", "monitor_heart", "s"),
)
_CRUMBS = "trackstream-crumbs"


@contextmanager
def frame(section: Section, title: str) -> Iterator[ui.element]:
    """Build the frame around what the body builds; yields the element that holds it."""
    _head()
    ui.context.client.content.classes("ts-content")
    with tag("div", "", "ts-frame"):
        _navigation(section)
        with tag("div", "", "ts-body"):
            with tag("header", "", "ts-top"):
                tag("nav", "", "ts-crumbs", aria_label="Where you are").mark(_CRUMBS)
                tag("div", "", "ts-grow")
                moment_bar()
                _top_button("contrast", "Switch between light and dark", "scheme")
                _top_button("help_outline", "Keys and help (?)", "help")
            content = tag("main", "", "ts-main", id="main")
    titled(title)
    with content:
        yield content
    _help()


def titled(title: str, crumbs: Sequence[tuple[str, str]] = ()) -> None:
    """Name the page: in the browser's tab, and at its top behind (words, address) of what it lies in."""
    ui.page_title(f"{title} · Trackstream")
    (holder,) = ElementFilter(marker=_CRUMBS)
    holder.clear()
    with holder:
        for words, address in crumbs:
            link(words, address)
            tag("span", "/", "ts-crumb-rule", aria_hidden="true")
        tag("h1", title, "ts-title")


def _head() -> None:
    # First of all, so that a dark page never flashes light.
    ui.add_head_html(f'<script src="{static_url("colour_scheme.js")}"></script>')
    ui.add_head_html(f'<link rel="stylesheet" href="{static_url("theme.css")}">')
    ui.add_head_html(f'<script defer src="{static_url("trackstream.js")}"></script>')
    ui.add_head_html(f'<script defer src="{static_url("keys.js")}"></script>')
    ui.add_body_html('<a class="ts-skip" href="#main">Skip to the page</a>')


def _navigation(current: Section) -> None:
    with tag("nav", "", "ts-nav", aria_label="Sections"):
        with tag("a", "", "ts-brand", href=place("experiments")):
            tag("img", src=static_url("favicon.svg"), alt="", width=22, height=22)
            tag("span", "Trackstream", "ts-brand-name")
        for section, words, icon, key in SECTIONS:
            here = section == current
            with tag(
                "a",
                "",
                "ts-nav-entry" + (" is-current" if here else ""),
                href=place(section),
                title=f"{words} (g {key})",
                data_go=key,
                aria_current="page" if here else None,
            ):
                ui.icon(icon).props("aria-hidden=true")
                tag("span", words)
        tag("div", "", "ts-grow")
        with tag("div", "", "ts-nav-store", title=f"The store that is shown: {api().shown}"):
            # The end of a path tells more than its beginning: that is what is cut.
            tag("bdi", api().shown)


def _top_button(icon: str, meaning: str, act: str) -> None:
    with tag("button", "", "ts-icon-button", type="button", aria_label=meaning, title=meaning, data_act=act):
        ui.icon(icon).props("aria-hidden=true")


def _help() -> None:
    """A plain dialog element: keys.js opens it."""
    keys = [("/", "search or filter on this page"), ("?", "this help"), ("Esc", "close")]
    keys += [(f"g {key}", f"go to {words}") for _, words, _, key in SECTIONS]
    with tag("dialog", "", "ts-help", id="help", aria_labelledby="help-title"):
        tag("h2", "Keys", id="help-title")
        with tag("dl", "", "ts-keys"):
            for key, meaning in keys:
                with tag("dt"):
                    tag("kbd", key)
                tag("dd", meaning)
        with tag("p", "Programs read the same over HTTP: ", "ts-quiet"):
            link("the API", "/docs")
        with tag("form", method="dialog"):
            tag("button", "Close", "ts-button", value="close")
