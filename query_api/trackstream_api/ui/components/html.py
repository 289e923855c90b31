"""Plain HTML elements. Words are text, attributes are properties: nothing given here is markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui.elements.mixins.text_element import TextElement

if TYPE_CHECKING:
    from nicegui import ui


def tag(
    element: str, /, text: str = "", classes: str = "", **attributes: str | int | bool | None
) -> ui.element:
    """Return an element: `tag("button", "Show", "ts-button", type="button", aria_label="…", data_act="x")`.

    Underscores in attributes' names are dashes, one at the end is left out (`for_`); None and False leave an
    attribute out, True gives one without a value. It can be used in a `with` to hold others.
    """
    made = TextElement(tag=element, text=text)
    if classes:
        made.classes(classes)
    for attribute, value in attributes.items():
        if value is not None and value is not False:
            made.props[attribute.rstrip("_").replace("_", "-")] = value
    return made
