"""Labelled controls of forms, whose values are known here as they are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstream_api.ui.components.html import tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nicegui import ui
    from nicegui.events import GenericEventArguments

_TYPED = "(event) => emit(event.target.value)"
_TICKED = "(event) => emit(event.target.checked)"


class Field:
    """A control and what is in it: a text, or whether a box is ticked."""

    def __init__(self, control: ui.element, value: Any) -> None:
        self.control = control
        self.value = value

    @property
    def text(self) -> str:
        """What is typed or chosen."""
        return str(self.value)

    def take(self, event: GenericEventArguments) -> None:
        """Keep what the browser says."""
        self.value = event.args


def text_field(
    label: str,
    value: str = "",
    *,
    rows: int = 0,
    hint: str = "",
    required: bool = False,
    mono: bool = False,
    autofocus: bool = False,
    type_: str = "text",
) -> Field:
    """Return a line of text, or `rows` lines; `hint` stands below it."""
    classes = "ts-textarea" if rows else "ts-input"
    with tag("label", "", "ts-field"):
        with tag("span", label, "ts-field-label"):
            if required:
                tag("span", " *", "ts-wrong", title="needed")
        if rows:
            control = tag("textarea", value, classes, rows=rows, spellcheck="false", required=required)
        else:
            # As an attribute: what is typed is then not written over when the page is drawn again.
            control = tag("input", "", classes, type=type_, required=required, autocomplete="off")
            control.props["^value"] = value
        if autofocus:
            control.props["autofocus"] = True
        if mono:
            control.classes("ts-mono")
        _named(control, label, hint)
    return _heard(Field(control, value), "input", _TYPED)


def choice_field(
    label: str,
    options: Sequence[tuple[str, str]],
    value: str,
    changed: Callable[[], object] | None = None,
    hint: str = "",
) -> Field:
    """Return a choice of (value, words); `changed` is called behind each."""
    with tag("label", "", "ts-field"):
        tag("span", label, "ts-field-label")
        control = tag("select", "", "ts-select")
        with control:
            for one, words in options:
                option = tag("option", words, value=one)
                if one == value:
                    option.props["^selected"] = "selected"
        _named(control, label, hint)
    found = _heard(Field(control, value), "change", _TYPED)
    if changed is not None:
        control.on("change", lambda _: changed(), js_handler="() => emit()")
    return found


def tick_field(label: str, *, value: bool = False) -> Field:
    """Return a box to tick."""
    with tag("label", "", "ts-field is-tick"):
        control = tag("input", "", type="checkbox")
        if value:
            control.props["^checked"] = "checked"
        tag("span", label)
    return _heard(Field(control, value), "change", _TICKED)


def _named(control: ui.element, label: str, hint: str) -> None:
    # By its label alone; the hint describes it.
    control.props["aria-label"] = label
    if hint:
        told = tag("span", hint, "ts-field-hint")
        control.props["aria-describedby"] = told.html_id


def _heard(field: Field, event: str, read: str) -> Field:
    field.control.on(event, field.take, js_handler=read)
    return field
